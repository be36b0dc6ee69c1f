"""The static buildpack's parts. Standard library only."""
