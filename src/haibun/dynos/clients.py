"""Clients that are attached to one-off dynos, or were until just now."""

from __future__ import annotations

import asyncio
import contextlib
import time

READS_SECONDS = 60.0
"""So long may a client read on after its dyno has ended."""
LEFT_SECONDS = 10.0
"""So long after a client has left its dyno may need to be seen as ended."""


class Client:
    """A client at the rendezvous. started: its dyno has started, or never will. left: it has all it wants.
    over: its dyno is gone, and it took too long to read."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.left = asyncio.Event()
        self.over = asyncio.Event()


class Clients:
    """One-off id -> the client that is attached to it; at most one."""

    def __init__(self) -> None:
        self._attached: dict[str, Client] = {}
        self._left: dict[str, float] = {}

    def enter(self, dyno_id: str) -> Client | None:
        """Attach a client; None if another has been there."""
        if dyno_id in self._attached or dyno_id in self._left:
            return None
        client = self._attached[dyno_id] = Client()
        return client

    def leave(self, dyno_id: str) -> None:
        if client := self._attached.pop(dyno_id, None):
            client.left.set()
            self._left[dyno_id] = time.monotonic()

    def present(self) -> frozenset[str]:
        """One-offs whose client is attached or has left a moment ago."""
        now = time.monotonic()
        self._left = {dyno_id: at for dyno_id, at in self._left.items() if now - at < LEFT_SECONDS}
        return frozenset(self._attached.keys() | self._left.keys())

    def started(self, dyno_id: str) -> None:
        """The dyno has started, or never will."""
        if client := self._attached.get(dyno_id):
            client.started.set()

    async def until_read(self, dyno_id: str) -> None:
        """Wait until the client has left: a short command is over before its client has read what it said."""
        client = self._attached.get(dyno_id)
        if client is None:
            return
        client.started.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READS_SECONDS):
                await client.left.wait()
        client.over.set()
