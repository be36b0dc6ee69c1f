"""Platform API v3: one file per noun, one table of routes. Never decides what a verb means."""
