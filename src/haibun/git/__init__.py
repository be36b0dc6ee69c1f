"""Receives pushes over smart HTTP with the real git."""
