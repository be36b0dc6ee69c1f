"""What bin/release prints: the small part of YAML that buildpacks use, and no more.

Top-level `addons:` (a list) and `default_process_types:` (a map of strings); other keys are skipped.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

ENTRY = re.compile(r"""^(?P<key>"[^"]*"|'[^']*'|[^\s'"#:][^:]*?)\s*:(?:\s+(?P<value>.*))?$""")


class Released(NamedTuple):
    """`addons` as named; `types`: process type -> command, in order."""

    addons: list[str]
    types: dict[str, str]


def nothing() -> Released:
    """What a pack without bin/release says."""
    return Released([], {})


def parse(text: str) -> Released:
    """Read it; ValueError with the line that is not understood."""
    released, section = nothing(), ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#") or bare in ("---", "...", "{}", "--- {}"):
            continue
        if bare.startswith("- ") and section == "addons":
            released.addons.append(_scalar(bare[2:]))
            continue
        entry = ENTRY.match(bare)
        if entry is None:
            if section in ("addons", "default_process_types", ""):
                raise ValueError(f"line {number} is not understood: {bare[:80]}")
            continue
        key, value = _scalar(entry["key"]), _scalar(entry["value"] or "")
        if line[0] not in " \t":
            section = key
        elif section == "default_process_types" and value:
            released.types[key] = value
    return released


def _scalar(text: str) -> str:
    """A plain, 'single' or "double" quoted string."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return str(json.loads(text))
    return re.split(r"\s+#", text, maxsplit=1)[0].strip()
