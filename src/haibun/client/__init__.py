"""HTTP client of the Platform API."""
