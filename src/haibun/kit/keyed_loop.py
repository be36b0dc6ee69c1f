"""The level-triggered loop: one look at a time per key, sooner by a hint, surely by a resync."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

log = logging.getLogger(__name__)


class KeyedLoop:
    """Calls `look(key)` for keys that were hinted, that asked to be looked at again, or at a resync.

    `look` returns the seconds until it wants another look, or None. An error in a look is logged and the
    key is looked at again with back-off; other keys go on.
    """

    def __init__(
        self,
        name: str,
        keys: Callable[[], Iterable[str]],
        look: Callable[[str], Awaitable[float | None]],
        *,
        resync_seconds: float = 5.0,
    ) -> None:
        self._name, self._keys, self._look = name, keys, look
        self._resync_seconds = resync_seconds
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, int] = {}
        self._group: asyncio.TaskGroup | None = None

    def hint(self, key: str) -> None:
        """Look at the key soon. If a look is under way, once more after it."""
        if self._group is None:
            return
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._busy:
            self._again.add(key)
            return
        self._busy.add(key)
        self._group.create_task(self._turn(key))

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await self._resync_forever()
            finally:
                self._group = None  # hints that come now are for nobody
                for timer in self._timers.values():
                    timer.cancel()
                self._timers.clear()

    async def _resync_forever(self) -> None:
        while True:
            try:
                for key in await asyncio.to_thread(lambda: list(self._keys())):
                    self.hint(key)
            except Exception:
                log.exception("%s: listing keys failed", self._name)
            await asyncio.sleep(self._resync_seconds)

    async def _turn(self, key: str) -> None:
        wait: float | None
        try:
            wait = await self._look(key)
            self._failures.pop(key, None)
        except Exception:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            wait = min(0.2 * 2**failures, 30.0)
            log.exception("%s: looking at %s failed; again in %.1f s", self._name, key, wait)
        finally:
            self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            wait = 0.0
        if wait is not None and self._group is not None:
            self._timers[key] = asyncio.get_running_loop().call_later(wait, self.hint, key)
