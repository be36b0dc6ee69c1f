"""The Python buildpack's parts. Standard library only."""
