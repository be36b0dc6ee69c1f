"""What a person sees: data on stdout, progress and trouble on stderr, in the shapes of Heroku's CLI.

Colours only where a terminal shows them. It never asks the platform anything.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any, TextIO

BOLD, DIM, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN = "1", "2", "31", "32", "33", "34", "35", "36"
PREFIX = " ›   "


def colours(stream: TextIO) -> bool:
    """Whether colours make sense on `stream` (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """`text` in `colour`, if `stream` (stdout) shows colours."""
    return f"\x1b[{colour}m{text}\x1b[0m" if text and colours(stream or sys.stdout) else text


def app_label(name: str, stream: TextIO | None = None) -> str:
    """An app's name as Heroku's CLI marks it on terminals with 256 colours."""
    stream = stream or sys.stdout
    if colours(stream) and "256color" in os.environ.get("TERM", ""):
        return paint(f"⬢ {name}", "38;5;104", stream)
    return name


def width(stream: TextIO) -> int | None:
    """Columns of the terminal, None if it is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def out(text: str = "") -> None:
    """One line of data."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """One line that is not data."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def heading(text: str) -> None:
    """`=== text` and an empty line."""
    out(paint("===", DIM) + " " + paint(text, BOLD))
    out()


def pairs(values: Iterable[tuple[str, Any]]) -> None:
    """`Key:   value`, aligned; what is None is left out."""
    known = [(key, value) for key, value in values if value is not None]
    wide = max((len(key) for key, _ in known), default=0)
    for key, value in known:
        out(f"{paint(key + ':', CYAN)}{' ' * (wide - len(key))} {value}")


def as_json(value: Any) -> None:
    """`value` for programs."""
    out(json.dumps(value, indent=2, ensure_ascii=False))


def boxed(text: str, columns: int = 80) -> str:
    """`text` wrapped, each line behind ` ›   `."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        words = paragraph.lstrip(" ").split(" ")
        line = " " * (len(paragraph) - len(paragraph.lstrip(" "))) + words[0]
        for word in words[1:]:
            if len(PREFIX) + len(line) + 1 + len(word) > columns:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}"
        lines.append(line)
    return "\n".join((PREFIX + line).rstrip() for line in lines)


def _box(kind: str, colour: str, text: str) -> None:
    block = boxed(f"{kind}: {text}", min(width(sys.stderr) or 80, 100))
    note("\n".join(paint(" ›", colour, sys.stderr) + line.removeprefix(" ›") for line in block.split("\n")))


def warning(text: str) -> None:
    """` ›   Warning: text`."""
    _box("Warning", YELLOW, text)


def error(text: str) -> None:
    """` ›   Error: text`."""
    _box("Error", RED, text)


class Action:
    """Progress of one step on stderr: `Doing X on app... done, v5`.

        with Action("Scaling dynos") as step:
            …
            step.done("now running web at 2:Basic")

    Left by an error it says `!`. On a terminal a new status replaces the old one; elsewhere it is a new line.
    """

    def __init__(self, title: str) -> None:
        self._line = f"{title}... "
        self._open = False
        self._ended = False

    def __enter__(self) -> Action:
        self._write("")
        return self

    def status(self, text: str) -> None:
        """How far it is."""
        self._write(text)
        if not sys.stderr.isatty():
            self._end()

    def done(self, extra: str = "") -> None:
        """It worked."""
        self._write(paint("done", GREEN, sys.stderr) + (f", {extra}" if extra else ""))
        self._end()
        self._ended = True

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is not None and not self._ended:
            self._write(paint("!", RED, sys.stderr))
        elif not self._ended and self._open and not sys.stderr.isatty():
            self._write("done")
        self._end()

    def _write(self, status: str) -> None:
        if self._open and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        if not self._open or sys.stderr.isatty():
            sys.stderr.write(self._line)
        sys.stderr.write(status)
        sys.stderr.flush()
        self._open = True

    def _end(self) -> None:
        if self._open:
            sys.stderr.write("\n")
            sys.stderr.flush()
        self._open = False
