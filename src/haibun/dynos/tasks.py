"""Operations on attempts as tasks: one at a time per attempt. The failure of one ends nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from haibun.core.errors import Temporary

log = logging.getLogger(__name__)
FAILED_SECONDS = 1.0


class Tasks:
    """`on_end(app_id)` is called when an operation has ended, however it did: the app is worth a look."""

    def __init__(self, on_end: Callable[[str], None]) -> None:
        self._on_end = on_end
        self._running: dict[str, asyncio.Task[None]] = {}
        self._patient: set[str] = set()
        self.group: asyncio.TaskGroup | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._running

    def busy(self) -> frozenset[str]:
        """Attempts whose operation must be waited for."""
        return frozenset(self._running.keys() - self._patient)

    def start(self, key: str, app_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Run the operation, unless one is under way for this attempt."""
        if self.group is None or key in self._running:
            work.close()
            return
        guarded = self._guarded(key, app_id, work)
        try:
            self._running[key] = self.group.create_task(guarded)
        except RuntimeError:  # the room is being closed
            guarded.close()
            work.close()

    @contextmanager
    def patient(self, key: str) -> Iterator[None]:
        """In this block the operation only waits: interrupt() may end it."""
        self._patient.add(key)
        try:
            yield
        finally:
            self._patient.discard(key)

    async def interrupt(self, key: str) -> None:
        """End an operation that only waits; one that does not is left alone."""
        task = self._running.get(key)
        if task is not None and key in self._patient:
            task.cancel()
            await asyncio.wait({task})

    async def _guarded(self, key: str, app_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Temporary as error:
            log.warning("an operation on dyno %s has to wait: %s", key, error)
            await asyncio.sleep(error.after_seconds)
        except Exception:
            log.exception("an operation on dyno %s failed; it will be looked at again", key)
            await asyncio.sleep(FAILED_SECONDS)
        finally:
            work.close()
            self._running.pop(key, None)
            self._on_end(app_id)
