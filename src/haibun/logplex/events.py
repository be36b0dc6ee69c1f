"""Platform events (`Release v3 created`, `State changed`): rows somebody committed -> lines, each exactly once.

The channel keeps the id of the last event beside the lines; only then are the rows forgotten.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import groupby

from haibun.logplex.channels import Channels
from haibun.wire import log_line

log = logging.getLogger(__name__)
Event = tuple[int, str, datetime | float, str, str, str]
"""(event id, app id, time, source 'app'|'heroku', ps such as 'api' or 'web.1', text). Ids grow."""
_CURSOR = "events"


def keep(events: Sequence[Event], channels: Channels) -> int:
    """Events in order of id -> channels; what a channel already has is left out. The last id. OSError: again."""
    for (app_id, source, ps), group in groupby(events, key=lambda event: (event[1], event[3], event[4])):
        try:
            channel = channels.get(app_id)
        except ValueError as error:
            log.warning("event dropped: %s", error)
            continue
        seen = channel.cursors.get(_CURSOR, (0, b"", b""))[0]
        new = [event for event in group if event[0] > seen]
        if new:
            lines = [line for event in new for line in _lines(event)]
            channel.append(source, ps, lines, {_CURSOR: (new[-1][0], b"", b"")})
    return events[-1][0]


def _lines(event: Event) -> list[bytes]:
    """A text of several lines is several lines of log."""
    _, _, time, source, ps, text = event
    return [
        log_line.line(time, source, ps, part)
        for row in text.encode(errors="replace").split(b"\n")
        for part in log_line.pieces(log_line.clean(row))
    ]


class Events:
    """Takes events when a hint comes, and every `resync_seconds` in any case. The hint `cut <app id>` ends the
    open sessions of an app."""

    def __init__(
        self,
        hints: socket.socket,
        channels: Channels,
        take_events: Callable[[], Awaitable[Sequence[Event]]],
        forget_events: Callable[[int], Awaitable[None]],
        cut_sessions: Callable[[str], None],
        *,
        resync_seconds: float = 1.0,
    ) -> None:
        hints.setblocking(False)
        self._hints = hints
        self._channels = channels
        self._take = take_events
        self._forget = forget_events
        self._cut_sessions = cut_sessions
        self._resync_seconds = resync_seconds
        self._hinted = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._hints.fileno(), self._hint)
        try:
            while True:
                await self._turn()
                try:
                    async with asyncio.timeout(self._resync_seconds):
                        await self._hinted.wait()
                except TimeoutError:
                    pass
                self._hinted.clear()
        finally:
            loop.remove_reader(self._hints.fileno())

    def _hint(self) -> None:
        try:
            while True:
                verb, _, app_id = self._hints.recv(4096).partition(b" ")
                if verb == b"cut":
                    self._cut_sessions(app_id.decode(errors="replace"))
        except BlockingIOError:
            self._hinted.set()

    async def _turn(self) -> None:
        try:
            last = -1
            while (events := sorted(await self._take(), key=lambda event: event[0])) and events[-1][0] > last:
                last = keep(events, self._channels)
                await self._forget(last)
        except Exception as error:  # the database or the disk is away: the rows wait
            log.warning("cannot take platform events: %s; trying again", error)
