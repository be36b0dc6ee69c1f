"""Tables in the shape of Heroku's CLI, no wider than the terminal."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence

from haibun.cli.screen import BOLD, out, paint, width

GAP = 3
NARROWEST = 8


def table(head: Sequence[str], rows: Sequence[Sequence[object]], shrink: Sequence[int] = ()) -> None:
    """Print a table and an empty line. `shrink`: columns that may be cut on a narrow terminal, widest first."""
    lines = layout(head, rows, width(sys.stdout), shrink)
    lines[0] = paint(lines[0], BOLD)
    for line in lines:
        out(line)
    out()


def layout(
    head: Sequence[str], rows: Sequence[Sequence[object]], columns: int | None, shrink: Sequence[int] = ()
) -> list[str]:
    """Header, rule and rows as lines; cut to `columns` if given."""
    cells = [[_clean(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(_wide, column)) for column in zip(*cells, strict=True)]
    total = sum(widths) + GAP * (len(widths) - 1) + 3
    if columns is not None:
        _narrow(widths, total - columns, shrink or range(len(widths)))
    lines = [
        "  " + (" " * GAP).join(_fit(cell, wide) for cell, wide in zip(row, widths, strict=True)) for row in cells
    ]
    rule = " " + "─" * (sum(widths) + GAP * (len(widths) - 1) + 2)
    return [lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:])]


def _narrow(widths: list[int], excess: int, which: Sequence[int]) -> None:
    """Take `excess` from the widest of the columns that may shrink, and no column below the narrowest."""
    while excess > 0:
        widest = max(which, key=lambda index: widths[index])
        if widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1
        excess -= 1


def _clean(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)


def _wide(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _fit(text: str, wide: int) -> str:
    if _wide(text) > wide:
        while text and _wide(text) > wide - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (wide - _wide(text))
