"""Colours of a log line: its prefix by dyno, and what matters in router and platform lines. Pure."""

from __future__ import annotations

import re

LINE = re.compile(r"(.*?\[([\w-]+)([\d.]+)?\]:)(.*)", re.DOTALL)
FIXED = {"run": "35", "router": "94", "web": "32", "postgres": "36", "heroku-postgres": "36", "api": "93"}
OTHERS = ("33", "34", "96", "95", "92", "91")
PAIR = re.compile(r"(\w+)=(\"[^\"]*\"|\S+)")
STATE = re.compile(r"(State changed from )(\S+)( to )(\S+)")
STATES = {"up": "32", "starting": "33", "crashed": "31", "down": "31"}
ERROR = re.compile(r"Error [HRL]\d\d|at=error|code=H\d\d")


def coloured(line: str) -> str:
    """The line with colours, unchanged if it is no log line."""
    match = LINE.fullmatch(line)
    if not match:
        return line
    prefix, source, _, text = match.groups()
    kind = source.rstrip("0123456789.")
    colour = FIXED.get(kind) or OTHERS[sum(kind.encode()) % len(OTHERS)]
    return _paint(prefix, colour) + _body(kind, text)


def _body(kind: str, text: str) -> str:
    if ERROR.search(text) and kind in ("router", "web", "worker"):
        return _paint(text, "31")
    if kind == "router":
        return PAIR.sub(_pair, text)
    return STATE.sub(
        lambda found: found[1] + _state(found[2]) + found[3] + _state(found[4]),
        text,
    )


def _state(name: str) -> str:
    return _paint(name, STATES.get(name, "2"))


def _pair(found: re.Match[str]) -> str:
    key, value = found.groups()
    if key == "status":
        value = _paint(value, "32" if value < "300" else "33" if value < "500" else "31")
    elif key in ("path", "method", "host"):
        value = _paint(value, "1")
    return f"{_paint(key + '=', '2')}{value}"


def _paint(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"
