"""`.env`: text to variables, as the stock CLI's foreman reads it, and what that one loses or fails on besides.

The same as there: JSON objects; `KEY=VALUE` lines, comments, values in one pair of quotes without escapes, bare
values up to a `#`. More than there: `export KEY=…`, quoted values over several lines, and quoted pieces side by
side (`'it'"'"'s'`). So whatever `haibun config --shell` or `--json` prints comes back byte for byte.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from haibun.cli.errors import CliError

ASSIGNMENT = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?([^\s=#][^=\n]*?)[^\S\n]*=[^\S\n]*")
BARE = re.compile(r"[^\n]*")
COMMENT = re.compile(r"\s*#.*", re.DOTALL)


def read(path: str) -> tuple[dict[str, str], str] | None:
    """(variables, "JSON" or "KEY=VALUE") of a file; None if there is none. CliError if it cannot be read."""
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
    except OSError as error:
        raise CliError(f"Cannot read {path}: {error.strerror}.") from error
    values = from_json(text)
    if values is not None:
        return _usable(values, path), "JSON"
    try:
        return _usable(from_lines(text.removeprefix("\ufeff")), path), "KEY=VALUE"
    except ValueError as error:
        raise CliError(f"{path}, {error}") from None


def from_lines(text: str) -> dict[str, str]:
    """Variables of `KEY=VALUE` lines; the last of a name wins, other lines are passed over.

    ValueError (with the line) if a quote is not closed.
    """
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        if match := ASSIGNMENT.match(text, at):
            value, at = _value(text, match.end())
            values[match[1].strip()] = value
        at = text.find("\n", at) + 1 or len(text)
    return values


def from_json(text: str) -> dict[str, str] | None:
    """Variables of a JSON object, names in upper case, nested ones joined by `_`; None if it is none.

    Names at the top are kept as they are written, too: config vars may have small letters.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    flat = dict(_flattened(value, ()))
    return flat | {key: _text(item) for key, item in value.items() if not isinstance(item, dict | list)}


def _value(text: str, at: int) -> tuple[str, int]:
    """(the value that begins there, where to look on)."""
    if text[at : at + 1] not in ("'", '"'):
        match = BARE.match(text, at)
        assert match is not None  # it matches nothing, too
        return COMMENT.sub("", match[0]).strip(), match.end()
    pieces = []
    while text[at : at + 1] in ("'", '"'):
        end = text.find(text[at], at + 1)
        if end < 0:
            line = text.count("\n", 0, at) + 1
            raise ValueError(f"line {line}: a value begins with {text[at]} and has no other {text[at]} to end it.")
        pieces.append(text[at + 1 : end])
        at = end + 1
    return "".join(pieces), at


def _flattened(value: Mapping[str, Any] | list[Any], path: tuple[str, ...]) -> list[tuple[str, str]]:
    items = value.items() if isinstance(value, Mapping) else ((str(i), item) for i, item in enumerate(value))
    found: list[tuple[str, str]] = []
    for key, item in items:
        if isinstance(item, dict | list):
            found += _flattened(item, (*path, key))
        else:
            found.append(("_".join((*path, key)).upper(), _text(item)))
    return found


def _text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item)


def _usable(values: dict[str, str], path: str) -> dict[str, str]:
    """CliError if the system could not hand a variable to a process."""
    for key, value in values.items():
        if not key or "=" in key or "\0" in key + value:
            raise CliError(f"{path}: {key!r} cannot be given to a process: it has a NUL or an = in its name.")
    return values
