"""The channels of all apps: opened when first needed, closed when idle, expired after seven days."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from haibun.logplex.channel import KEPT_SECONDS, Channel

APP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
IDLE_SECONDS = 60.0
OPEN_LIMIT = 400
"""Open channels that are kept when nobody follows them; one descriptor each."""


class Channels:
    """App id -> channel. Ids become file names, so they are checked here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Channel] = {}

    def get(self, app_id: str) -> Channel:
        """The app's channel, read from disk if need be. ValueError if the id has another form."""
        channel = self._open.get(app_id)
        if channel is None:
            if not APP_ID.fullmatch(app_id):
                raise ValueError(f"not an app id: {app_id[:80]!r}")
            channel = self._open[app_id] = Channel(self._folder / app_id)
        return channel

    def is_open(self, app_id: str) -> bool:
        """Whether the app's channel is in memory."""
        return app_id in self._open

    def close_idle(self, now: float) -> None:
        """Drop channels from memory that nobody has used for a while (`now`: monotonic seconds)."""
        idle = sorted((c.used_at, app_id) for app_id, c in self._open.items() if not c.tails)
        surplus = len(idle) - OPEN_LIMIT
        for place, (used_at, app_id) in enumerate(idle):
            if place < surplus or now - used_at > IDLE_SECONDS:
                self._open.pop(app_id).close()

    async def expire(self, now: float) -> None:
        """Empty channels without a line for seven days (`now`: unix seconds)."""
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            newest = max((path.stat().st_mtime for path in folder.glob("*.seg")), default=now)
            if now - newest > KEPT_SECONDS and APP_ID.fullmatch(folder.name):
                self.get(folder.name).expire()
            await asyncio.sleep(0)
        self.close_idle(time.monotonic())

    def close(self) -> None:
        """Close all files and end all tails."""
        for channel in self._open.values():
            channel.close()
            for tail in channel.tails:
                tail.close()
        self._open.clear()
