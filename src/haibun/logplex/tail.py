"""One reader that follows an app: which lines it wants, and a bounded queue that counts what it drops.

Never holds more than LIMIT lines and one batch; a reader that is too slow loses lines, the app and others do not.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from haibun.logplex.records import Batch
from haibun.wire import log_line

LIMIT = 1_000
PATIENCE_SECONDS = 1.0
"""How long a full queue may hold up the reading of the app's files: its reader is slow if it takes nothing."""


@dataclass(frozen=True)
class Wanted:
    """Filter of a session. `dyno`: `web.1` exactly, or `web` for every `web.N`."""

    source: str | None = None
    dyno: str | None = None

    def takes(self, source: str, ps: str) -> bool:
        if self.source is not None and source != self.source:
            return False
        return self.dyno is None or ps == self.dyno or ps.startswith(self.dyno + ".")


class Tail:
    """Queue between a channel and one open session."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.closed = False
        self._batches: list[Batch] = []
        self._lines = 0
        self._dropped = 0
        self._dropped_since = 0.0
        self._taken_at = time.monotonic()
        self._wake = asyncio.Event()

    def offer(self, batch: Batch) -> None:
        """Queue the batch if it is wanted and there is room; else count it as dropped."""
        if not self.wanted.takes(batch.source, batch.ps):
            return
        if self._lines >= LIMIT:
            self._dropped_since = self._dropped_since or time.time()
            self._dropped += len(batch.lines)
            return
        if not self._batches:
            self._taken_at = time.monotonic()
        self._batches.append(batch)
        self._lines += len(batch.lines)
        self._wake.set()

    def crowded(self, patience_seconds: float) -> bool:
        """Full, but its reader took something so many seconds ago or less: worth waiting for."""
        return self._lines >= LIMIT and time.monotonic() - self._taken_at < patience_seconds

    def close(self) -> None:
        """End the session after what is queued."""
        self.closed = True
        self._wake.set()

    async def ready(self) -> None:
        """Until there is something to take, or it was closed."""
        await self._wake.wait()

    def take(self) -> tuple[list[Batch], bytes | None]:
        """What is queued, and the L11 line that follows it if lines were dropped since the last take."""
        batches, self._batches, self._lines = self._batches, [], 0
        self._taken_at = time.monotonic()
        self._wake.clear()
        if not self._dropped:
            return batches, None
        text = (
            f"Error L11 (Tail buffer overflow) -> This tail session dropped {self._dropped} messages since "
            f"{log_line.stamp(int(self._dropped_since))[:19].decode()}+00:00."
        )
        self._dropped, self._dropped_since = 0, 0.0
        return batches, log_line.line(time.time(), "heroku", "logplex", text.encode())
