"""Follows the output files of all dynos: inotify says which, a rescan makes it sure, each gets a chunk a turn.

Owns the set of files that have something to read. Removes a file when its dyno is gone and all is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from haibun.logplex import linux
from haibun.logplex.channels import APP_ID, Channels
from haibun.logplex.output import Output

log = logging.getLogger(__name__)
IsGone = Callable[[str], Awaitable[bool]]
GATHER_SECONDS = 0.01
"""After everything was read: lines that come together are written together."""
PACED_SECONDS = 0.001
_ASK_FIRST, _ASK_MOST = 5.0, 80.0


class Follower:
    """`root`/<app id>/<dyno name>.<dyno id>.log -> channels."""

    def __init__(self, root: Path, channels: Channels, is_gone: IsGone, *, rescan_seconds: float = 5.0) -> None:
        self._root = root
        self._channels = channels
        self._is_gone = is_gone
        self._rescan_seconds = rescan_seconds
        self._inotify = linux.Inotify()
        self._root_watch: int | None = None
        self._apps: dict[int, str] = {}  # watch -> app id
        self._watched: set[str] = set()
        self._outputs: dict[Path, Output] = {}
        self._ask: dict[Path, tuple[float, float]] = {}  # when to ask whether it is gone, and the wait after
        self._dirty: dict[Path, None] = {}
        self._wake = asyncio.Event()
        self._rescan = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._inotify.fd, self._happened)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._scan_forever())
                group.create_task(self._read_forever())
        finally:
            loop.remove_reader(self._inotify.fd)
            self._inotify.close()

    # -- what there is
    async def _scan_forever(self) -> None:
        while True:
            try:
                self.scan()
                await self._remove_gone()
            except OSError as error:
                log.warning("cannot scan %s: %s; trying again", self._root, error)
            self._channels.close_idle(time.monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rescan_seconds):
                    await self._rescan.wait()
            self._rescan.clear()

    def scan(self) -> None:
        """Look at every folder and file; mark what has grown."""
        self._root.mkdir(parents=True, exist_ok=True)
        if self._root_watch is None:
            self._root_watch = self._watch(self._root, linux.CREATE | linux.MOVED_TO)
        for folder in self._root.iterdir():
            if APP_ID.fullmatch(folder.name) and folder.is_dir():
                self._scan_app(folder)
        for path in [path for path in self._outputs if not path.exists()]:
            self._drop(path)

    def _scan_app(self, folder: Path) -> None:
        if folder.name not in self._watched:
            watch = self._watch(folder, linux.MODIFY | linux.CREATE | linux.MOVED_TO | linux.CLOSE_WRITE)
            if watch is not None:
                self._apps[watch] = folder.name
                self._watched.add(folder.name)
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                known = self._outputs.get(path)
                if not Output.is_ours(entry.name):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    # An idle dyno's file costs a stat, not a look into its channel.
                    if known is None or entry.stat().st_size != known.position:
                        self._mark(path, folder.name)

    def _watch(self, folder: Path, mask: int) -> int | None:
        try:
            return self._inotify.watch(folder, mask)
        except OSError as error:
            log.warning("%s; looking at each rescan only", error)
            return None

    def _happened(self) -> None:
        for watch, mask, name in self._inotify.read():
            if mask & linux.OVERFLOW:
                self._rescan.set()
            elif mask & linux.IGNORED:
                self._watched.discard(self._apps.pop(watch, ""))
            elif watch == self._root_watch:
                self._rescan.set()
            elif watch in self._apps and Output.is_ours(name):
                path = self._root / self._apps[watch] / name
                self._mark(path, self._apps[watch])
                if mask & linux.CLOSE_WRITE:
                    self._ask[path] = (0.0, _ASK_FIRST)

    def _mark(self, path: Path, app_id: str) -> None:
        if path not in self._outputs:
            self._outputs[path] = Output(path, app_id)
            self._ask[path] = (0.0, _ASK_FIRST)
        self._dirty[path] = None
        self._wake.set()

    def _drop(self, path: Path) -> None:
        self._dirty.pop(path, None)
        self._ask.pop(path, None)
        output = self._outputs.pop(path, None)
        if output is not None:
            self._channels.get(output.app_id).forget(path.name)

    # -- what is new in it
    async def _read_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._dirty:
                await self._turn()
            await asyncio.sleep(GATHER_SECONDS)

    async def _turn(self) -> None:
        """A chunk of every file that has something; tails get to send in between."""
        waited = True
        for path in list(self._dirty):
            output = self._outputs.get(path)
            if output is None or not self._read(output):
                self._dirty.pop(path, None)
            elif not self._channels.get(output.app_id).crowded():
                waited = False
            await asyncio.sleep(0)
        if waited and self._dirty:
            await asyncio.sleep(PACED_SECONDS)

    def _read(self, output: Output) -> bool:
        """Whether there is more. What fails (a full disk) is tried again at the next rescan."""
        channel = self._channels.get(output.app_id)
        try:
            more = output.read(channel)
            output.give_back(channel)
        except OSError as error:
            log.warning("cannot take in %s: %s; nothing is lost, trying again", output.path, error)
            return False
        return more

    # -- what is gone
    async def _remove_gone(self) -> None:
        now = time.monotonic()
        for path, (when, wait) in list(self._ask.items()):
            output = self._outputs.get(path)
            if output is None or now < when:
                continue
            if not await self._asked(output.dyno_id):
                self._ask[path] = (now + wait, min(wait * 2, _ASK_MOST))
                continue
            await self._finish(output)

    async def _asked(self, dyno_id: str) -> bool:
        try:
            return await self._is_gone(dyno_id)
        except Exception as error:  # the store's own errors, whatever it is: the file waits
            log.warning("cannot ask whether dyno %s is gone: %s; trying again", dyno_id, error)
            return False

    async def _finish(self, output: Output) -> None:
        """The dyno may have written until it went. OSError: it is all tried again, nothing is removed."""
        while output.path.exists():
            channel = self._channels.get(output.app_id)
            if not output.read(channel):
                output.finish(channel)
            else:
                await asyncio.sleep(PACED_SECONDS if channel.crowded() else 0)
        self._drop(output.path)
