"""Time as a value that can be handed in. Aware, UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time: wall time for rows and messages, monotonic seconds for waiting."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def iso(moment: datetime) -> str:
    """`2015-01-01T12:00:00Z`, the form of Heroku's API."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
