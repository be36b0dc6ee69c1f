"""The lines a pusher reads, in Heroku's shapes. Every line is flushed at once; nothing is coloured.

A step is `-----> text`, a detail is indented by 7 spaces, a problem is ` !     text`.
"""

from __future__ import annotations

from collections.abc import Iterable

INDENT = " " * 7
BANG = " !     "


def line(text: str = "") -> None:
    """One bare line."""
    print(text, flush=True)


def step(text: str) -> None:
    """`-----> text`"""
    line(f"-----> {text}")


def detail(text: str) -> None:
    """`       text`, each line of it."""
    for one in text.splitlines() or [""]:
        line(INDENT + one)


def problem(lines: Iterable[str]) -> None:
    """` !     text` for each line."""
    for one in lines:
        line(BANG + one)


def warning(title: str, *lines: str) -> None:
    """A block that does not end the build, with a blank line around it."""
    line()
    problem([f"Warning: {title}", *([""] if lines else []), *lines])
    line()


class BuildError(Exception):
    """The build cannot go on, for a reason its author can mend. `lines` say what happened and what to do."""

    def __init__(self, title: str, *lines: str) -> None:
        super().__init__(title)
        self.title = title
        self.lines = lines

    def show(self) -> None:
        """Print the block ` !     Error: …`, a blank line around it."""
        line()
        problem([f"Error: {self.title}", *([""] if self.lines else []), *self.lines])
        line()
