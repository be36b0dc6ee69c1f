"""What `make setup` does to a machine. Standard library and Python 3.10 only; not part of the platform."""
