"""SQL rows by noun: what is wanted, what is seen; migrations."""
