"""Sources, slugs and output streams as bytes on disk."""
