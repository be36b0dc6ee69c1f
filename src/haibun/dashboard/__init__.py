"""Web pages (a later issue)."""
