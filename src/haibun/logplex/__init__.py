"""Lines in; buffer and tails out. Never blocks a dyno, never writes wanted state, never waits for the database
on a line's path."""
