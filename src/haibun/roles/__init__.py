"""Composition: one small file per process; the only reader of settings."""
