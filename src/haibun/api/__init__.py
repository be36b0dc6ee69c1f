"""Platform API v3: one file per noun, routes as a table."""
