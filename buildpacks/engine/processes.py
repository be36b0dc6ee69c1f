"""Process types of a build: the Procfile over what the last buildpack proposes. Pure but for reading the file."""

from __future__ import annotations

import re
from pathlib import Path

from kit import say

LINE = re.compile(r"([A-Za-z0-9_-]+):[ \t]*(\S.*)")
LOOKALIKES = ("procfile", "Procfile.txt", "procfile.txt", "ProcFile", "PROCFILE", "Procfile.web")
EXAMPLES = {"Python": "web: gunicorn mypackage.wsgi", "Node.js": "web: npm start"}


def parse(text: str) -> tuple[dict[str, str], list[str]]:
    """(type -> command in the file's order, the lines that are neither entry, blank nor comment).

    The last of two lines of one type wins.
    """
    types: dict[str, str] = {}
    odd = []
    for raw in text.removeprefix("\ufeff").split("\n"):
        line = raw.rstrip(" \t\r")
        if entry := LINE.fullmatch(line):
            types.pop(entry[1], None)
            types[entry[1]] = entry[2]
        elif line.strip() and not line.lstrip().startswith("#"):
            odd.append(line)
    return types, odd


def read(build_dir: Path) -> dict[str, str]:
    """The Procfile's types, and a warning for each line of it that says nothing."""
    path = build_dir / "Procfile"
    if not path.is_file():
        return {}
    types, odd = parse(path.read_text("utf-8", "replace"))
    for line in odd:
        say.problem([f"Procfile: this line is ignored, it is not of the form 'type: command': {line[:100]}"])
    return types


def announce(declared: dict[str, str], defaults: dict[str, str]) -> None:
    """The block `Discovering process types`, and a blank line."""
    say.step("Discovering process types")
    say.detail(f"Procfile declares types -> {', '.join(declared) or '(none)'}")
    added = [name for name in defaults if name not in declared]
    if added:
        say.detail(f"Default types for buildpack -> {', '.join(added)}")
    say.line()


def warn_idle(build_dir: Path, language: str) -> None:
    """Nothing will run: say so, and how to change it."""
    lines = ["This app declares no process type, so nothing of it will run."]
    wrong = [name for name in LOOKALIKES if (build_dir / name).is_file()]
    if wrong:
        lines.append(f"Its file {wrong[0]!r} is not read: the name is 'Procfile', exactly.")
    lines += [
        "Add a file named Procfile to the root directory, for example with the line",
        f"  {EXAMPLES.get(language, 'web: ./my-server --port $PORT')}",
        "then commit it and push again. See docs/reference/procfile.md.",
    ]
    say.problem(lines)
    say.line()
