"""Installs what only the tests use: the unmodified Heroku CLI into .heroku-cli/, and a PostgreSQL server.

Exactly what the committed package-lock.json pins, by hash; install scripts are not run.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from setup import system
from setup.say import run, step

FILES = ("package.json", "package-lock.json")
OFFLINE = "The Heroku CLI, which the tests drive, could not be installed. Check that npm reaches its registry."
NODE = "node@22"


def ensure(checkout: Path) -> None:
    """.heroku-cli/node_modules/.bin/heroku, up to date, and a PostgreSQL to start. Raises Stop."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        system.packages(["postgresql"])
    recipe, target = checkout / "tests" / "e2e" / "heroku-cli", checkout / ".heroku-cli"
    mark = target / "haibun-setup.stamp"
    digest = hashlib.sha256(b"".join((recipe / name).read_bytes() for name in FILES)).hexdigest()
    if mark.is_file() and mark.read_text() == digest and system.node_is_new():
        step("Heroku CLI for the tests: up to date")
        return
    if not system.node_is_new():
        system.packages(["nodejs", "npm"])
    step("Heroku CLI for the tests: installing")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    try:
        for name in FILES:
            shutil.copyfile(recipe / name, target / name)
        npm = ["npm", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"]
        run([*npm, "ci"], OFFLINE, cwd=target)
        if not system.node_is_new():  # the system's own is too old: one beside the CLI, found first on its PATH
            run([*npm, "install", "--no-save", "--no-package-lock", NODE], OFFLINE, cwd=target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    mark.write_text(digest)
