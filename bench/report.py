"""A row of the benchmark's table, and the table. Knows nothing of what is measured."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """`ours` and `peer` are in `unit`; peer is the bare part, measured in the same run. The aim is for the ratio
    ours / peer if `of_ratio`, else for `ours`; `at_least` says that more is better. No aim: it is only told."""

    name: str
    ours: float
    unit: str
    peer: float | None = None
    aim: float | None = None
    of_ratio: bool = False
    at_least: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.peer if self.peer else None

    @property
    def met(self) -> bool | None:
        value = self.ratio if self.of_ratio else self.ours
        if self.aim is None or value is None:
            return None
        return value >= self.aim if self.at_least else value <= self.aim

    def data(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio, "met": self.met}

    def cells(self) -> tuple[str, ...]:
        sign = ">=" if self.at_least else "<="
        aim = "" if self.aim is None else f"{sign} {number(self.aim)}"
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        return (
            self.name,
            f"{number(self.ours)} {self.unit}".rstrip(),
            "" if self.peer is None else f"{number(self.peer)} {self.unit}".rstrip(),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            aim,
            verdict,
        )


HEAD = ("what", "ours", "bare part", "ratio", "aim", "verdict")


def number(value: float) -> str:
    """Three digits that say something, no more."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(digits, 0)}f}" if digits > 0 else f"{value:,.0f}"


def table(rows: Sequence[Row]) -> str:
    """The table as text, notes below it."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    text = [_line(line, widths) for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"  {row.name}: {row.note}" for row in rows if row.note]
    return "\n".join([*text, *(["", *notes] if notes else [])])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def load() -> str:
    """How busy the machine is with other things: figures of a loaded machine are too high."""
    one, five, _ = os.getloadavg()
    return f"load average {one:.1f} (1 min), {five:.1f} (5 min) on {os.cpu_count()} cores"
