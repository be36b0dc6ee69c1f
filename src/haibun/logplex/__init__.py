"""Lines in; buffer and tails out."""
