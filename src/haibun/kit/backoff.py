"""Back-off as a table of waits."""

from __future__ import annotations

from collections.abc import Sequence


def wait_seconds(failures: int, table: Sequence[float]) -> float:
    """How long to wait after so many failures in a row; the last entry of the table repeats."""
    if failures <= 0:
        return 0.0
    return table[min(failures, len(table)) - 1]
