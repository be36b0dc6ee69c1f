"""Is this a Python app? Looks at names in the root directory only.

Loads nothing but `os`: it runs on every push, and of every app."""

from __future__ import annotations

import os
import sys

FILES = (
    ".python-version __init__.py app.py main.py manage.py pdm.lock Pipfile Pipfile.lock poetry.lock "
    "pyproject.toml requirements.txt runtime.txt server.py setup.cfg setup.py uv.lock"
).split()
FOLDERS = "__pycache__ .venv venv".split()
MISSPELT = (
    "requirement.txt Requirements.txt requirements.text requirements.txt.txt requirments.txt requierments.txt "
    "requirements.py requirements requirements.in requirements.lock reqirements.txt requirememnts.txt"
).split()


NOTHING_FOUND = (
    "Error: Your app is configured to use the Python buildpack,",
    "but no file of a Python project was found.",
    "",
    "A Python app has one of requirements.txt, uv.lock, poetry.lock",
    "or Pipfile.lock in the root directory of its source.",
    "",
    "The root directory of your app contains:",
)
TO_CHECK = (
    "If the file is in your working copy: check its spelling, that it is",
    "in the root directory, that it is committed, and that neither",
    ".gitignore nor .slugignore names it.",
)


def fits(build_dir: str) -> bool:
    """Whether any of the names is there."""
    path = os.path
    return any(path.isfile(path.join(build_dir, name)) for name in (*FILES, *MISSPELT)) or any(
        path.isdir(path.join(build_dir, name)) for name in FOLDERS
    )


def listing(build_dir: str) -> list[str]:
    """The root directory's entries, folders with a slash; at most 40."""
    names = sorted(one.name + ("/" if one.is_dir() else "") for one in os.scandir(build_dir))
    names = [name for name in names if name != ".heroku/"]
    return [*names[:40], *(["…"] if len(names) > 40 else [])] or ["(nothing)"]


def main(build_dir: str) -> int:
    """0 with the name on standard output, or 1 with the reason on standard error."""
    if fits(build_dir):
        print("Python")
        return 0
    for line in (*NOTHING_FOUND, "", *listing(build_dir), "", *TO_CHECK):
        print(f" !     {line}", file=sys.stderr)
    return 1
