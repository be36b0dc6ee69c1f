"""Haibun: Heroku on your own machines. See ARCHITECTURE.md for the floors."""
