"""Is this a Python app? Looks at names in the root directory only."""

from __future__ import annotations

import sys
from pathlib import Path

from kit import say

FILES = (
    ".python-version __init__.py app.py main.py manage.py pdm.lock Pipfile Pipfile.lock poetry.lock "
    "pyproject.toml requirements.txt runtime.txt server.py setup.cfg setup.py uv.lock"
).split()
FOLDERS = "__pycache__ .venv venv".split()
MISSPELT = (
    "requirement.txt Requirements.txt requirements.text requirements.txt.txt requirments.txt requierments.txt "
    "requirements.py requirements requirements.in requirements.lock reqirements.txt requirememnts.txt"
).split()


def fits(build_dir: Path) -> bool:
    """Whether any of the names is there."""
    return any((build_dir / name).is_file() for name in (*FILES, *MISSPELT)) or any(
        (build_dir / name).is_dir() for name in FOLDERS
    )


def listing(build_dir: Path) -> list[str]:
    """The root directory's entries, folders with a slash; at most 40."""
    names = sorted(one.name + ("/" if one.is_dir() else "") for one in build_dir.iterdir())
    names = [name for name in names if name != ".heroku/"]
    return [*names[:40], *(["…"] if len(names) > 40 else [])] or ["(nothing)"]


def main(build_dir: Path) -> int:
    if fits(build_dir):
        print("Python")
        return 0
    lines = (
        "Error: Your app is configured to use the Python buildpack,",
        "but no file of a Python project was found.",
        "",
        "A Python app has one of requirements.txt, uv.lock, poetry.lock",
        "or Pipfile.lock in the root directory of its source.",
        "",
        "The root directory of your app contains:",
        "",
        *listing(build_dir),
        "",
        "If the file is in your working copy: check its spelling, that it is",
        "in the root directory, that it is committed, and that neither",
        ".gitignore nor .slugignore names it.",
    )
    for line in lines:
        print((say.BANG + line).rstrip(), file=sys.stderr)
    return 1
