"""Recipes of the stack images and their builder. Run by `make setup`; the platform imports nothing of it."""
