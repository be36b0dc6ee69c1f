"""The builder: source in, a tree ready to run out. It runs inside the build dyno, as the app's own user."""
