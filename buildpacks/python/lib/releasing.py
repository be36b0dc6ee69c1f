"""bin/release: YAML for the builder, printed by hand. Loads nothing but `os`: it runs on every push."""

from __future__ import annotations

import os


def main(build_dir: str) -> None:
    """A database for a Django app that has a driver for one, as on Heroku; nothing else."""
    print("---")
    lib = os.path.join(build_dir, ".heroku", "python", "lib")
    if not os.path.isfile(os.path.join(build_dir, "manage.py")) or not os.path.isdir(lib):
        return
    for python in os.listdir(lib):
        packages = os.path.join(lib, python, "site-packages")
        have = [name for name in ("django", "psycopg2", "psycopg") if os.path.isdir(os.path.join(packages, name))]
        if "django" in have and len(have) > 1:
            print("addons:\n  - heroku-postgresql")
