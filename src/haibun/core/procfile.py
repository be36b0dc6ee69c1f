"""Procfile: text to process types, as Heroku's classic parser reads it (`^([A-Za-z0-9_-]+):\\s*(.+)$`)."""

from __future__ import annotations

import re

LINE = re.compile(r"^([A-Za-z0-9_-]+):[ \t]*(\S.*?)[ \t\r]*$")


def parse(text: str) -> dict[str, str]:
    """Process type -> command, in the file's order; other lines are ignored; the last of a name wins."""
    types: dict[str, str] = {}
    for line in text.split("\n"):
        if match := LINE.match(line):
            types.pop(match[1], None)
            types[match[1]] = match[2]
    return types
