"""`.slugignore`: which files of the source never reach a build. gitignore's patterns, without `!`.

Only removes inside the build dir; follows no link.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple


class Pattern(NamedTuple):
    """One line: what it matches (a path relative to the root, `/` between parts), and whether folders only."""

    regex: re.Pattern[str]
    folders_only: bool

    def matches(self, path: str, is_folder: bool) -> bool:
        return (is_folder or not self.folders_only) and self.regex.fullmatch(path) is not None


def parse(text: str) -> list[Pattern]:
    """The patterns of a file. Blank lines, `#` comments and `!` lines (not supported) match nothing."""
    patterns = []
    for line in text.splitlines():
        glob = line.strip().removeprefix("\ufeff")
        if glob and glob[0] not in "#!" and glob.strip("/"):
            patterns.append(_pattern(glob))
    return patterns


def _pattern(glob: str) -> Pattern:
    folders_only = glob.endswith("/")
    glob = glob.rstrip("/")
    anchored = "/" in glob
    body = _regex(glob.lstrip("/"))
    try:
        regex = re.compile(body, re.DOTALL)
    except re.error:  # such as [z-a]: taken by the letter
        regex = re.compile(re.escape(glob.lstrip("/")), re.DOTALL)
    return Pattern(regex if anchored else re.compile(f"(?:.*/)?{regex.pattern}", re.DOTALL), folders_only)


def _regex(glob: str) -> str:
    """A glob as a regular expression: `*` and `?` stay within a part; a part that is `**` stands for any."""
    out, at = [], 0
    while at < len(glob):
        rest = glob[at:]
        starts_part = at == 0 or glob[at - 1] == "/"
        if starts_part and rest.startswith("**/"):
            out.append("(?:.*/)?")
            at += 3
        elif starts_part and rest == "**":
            out.append(".+")
            at += 2
        elif rest[0] == "[" and "]" in rest[2:]:
            end = rest.index("]", 2)
            inside = rest[1:end].replace("\\", r"\\").replace("[", r"\[").replace("&", r"\&").replace("~", r"\~")
            out.append(f"(?!/)[{'^' + inside[1:] if inside[0] in '!^' else inside}]")
            at += end + 1
        elif rest[0] == "\\" and len(rest) > 1:
            out.append(re.escape(rest[1]))
            at += 2
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(rest[0]) or re.escape(rest[0]))
            at += 1
    return "".join(out)


def apply(root: Path, patterns: list[Pattern]) -> int:
    """Remove what matches below `root`; how many files that were."""
    removed = 0
    for folder, folders, files in os.walk(root):
        relative = "" if folder == str(root) else os.path.relpath(folder, root) + "/"
        for name in list(folders):
            path = Path(folder, name)
            if not any(one.matches(relative + name, not path.is_symlink()) for one in patterns):
                continue
            folders.remove(name)
            if path.is_symlink():
                path.unlink()
                removed += 1
            else:
                removed += sum(len(inside) for _, _, inside in os.walk(path))
                shutil.rmtree(path)
        for name in files:
            if any(one.matches(relative + name, False) for one in patterns):
                Path(folder, name).unlink()
                removed += 1
    return removed
