"""What the builder and the built-in buildpacks share. Standard library only: it runs inside the build dyno."""
