"""The Driver on crun and conmon: keeps the records of dynos and orders the steps of a boot and an end.

It knows no cgroup file, mount or message itself; the modules beside it do. Blocking steps run in threads.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from haibun.core.errors import Final, Temporary
from haibun.runtime.driver import DynoSeen, DynoSpec, Sealed
from haibun.runtime.oci import attach, cgroups, listeners, records
from haibun.runtime.oci import syscalls as sc
from haibun.runtime.oci.boot import Boot
from haibun.runtime.oci.bundle import INIT
from haibun.runtime.oci.checks import check_id, check_spec
from haibun.runtime.oci.config import OciConfig
from haibun.runtime.oci.grace_periods import Hurry
from haibun.runtime.oci.host import Host
from haibun.runtime.oci.records import Record
from haibun.runtime.oci.sealing import Sealer

KILL_SECONDS = 15.0
CHANGES_KEPT = 1024


class OciDriver:
    """Open it once in a process of root; `async with` or open() and close(). Closing leaves dynos running."""

    def __init__(self, config: OciConfig) -> None:
        self._config = config
        self._host = Host(config)
        self._dynos: dict[str, Record] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._starting: dict[str, asyncio.Task[DynoSeen]] = {}
        self._listeners: set[asyncio.Queue[DynoSeen]] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._exits = -1
        self._hurry = Hurry()

    async def __aenter__(self) -> OciDriver:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Prepare the host, find the dynos of an earlier runtime, sweep what is left of broken starts."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._host.prepare)
        self._exits = sc.watch_directory(str(self._config.exits))
        found, leftovers = await asyncio.to_thread(records.load_all, self._config)
        self._dynos = {record.spec.id: record for record in found}
        for record in found:
            if record.exit_code is not None:
                self._note_exit(record)
        await asyncio.to_thread(self._host.sweep, set(self._dynos), leftovers)
        taken = {record.state.ip for record in found if record.exit_code is None}
        self._host.networks.open(taken)
        self._boot = Boot(self._config, self._host)
        self._sealer = Sealer(self._config)
        self._loop.add_reader(self._exits, self._on_exit_files)

    async def close(self) -> None:
        """Let go of everything but the dynos."""
        if self._exits < 0:
            return
        self._loop.remove_reader(self._exits)
        os.close(self._exits)
        self._exits = -1
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, *self._starting.values(), return_exceptions=True)
        for record in self._dynos.values():
            if record.early:
                record.early.close()
        await asyncio.to_thread(self._boot.close)
        await asyncio.to_thread(self._sealer.close)
        await asyncio.to_thread(self._host.close)

    def cgroup_mode(self) -> cgroups.Mode:
        """'v1', 'v2' or 'hybrid'."""
        return self._host.cgroups.mode

    def notes(self) -> list[str]:
        """What of the host an operator should know, as sentences."""
        return self._host.notes()

    # -- the seam

    async def start(self, spec: DynoSpec) -> DynoSeen:
        check_spec(spec)
        if record := self._dynos.get(spec.id):
            return record.seen()
        task = self._starting.get(spec.id)
        if task is None:
            task = asyncio.create_task(self._start(spec))
            self._starting[spec.id] = task
            task.add_done_callback(lambda _: self._starting.pop(spec.id))
        # a caller who leaves must not leave a dyno that nobody has on the list
        return await asyncio.shield(task)

    async def signal(self, dyno_id: str, number: int) -> None:
        check_id(dyno_id)
        if not 1 <= number <= signal.SIGRTMAX:
            raise Final("invalid", f"There is no signal {number}.")
        record = self._dynos.get(dyno_id)
        if record and record.exit_code is None:
            self._signal(record, number)

    async def stop(self, dyno_id: str, grace_seconds: float) -> DynoSeen | None:
        record = self._dynos.get(check_id(dyno_id))
        if record is None:
            return None
        if record.exit_code is None and grace_seconds > 0:
            self._signal(record, signal.SIGTERM)
            await self._wait(record, grace_seconds)
        if record.exit_code is None:
            self._host.kill(dyno_id)
            if not await self._wait(record, KILL_SECONDS):
                raise Temporary(f"{record.spec.name} does not end although it was killed.", after_seconds=5)
        return record.seen()

    async def remove(self, dyno_id: str) -> None:
        check_id(dyno_id)
        async with self._lock(dyno_id):
            record = self._dynos.get(dyno_id)
            if record is not None:
                await self.stop(dyno_id, 0)
                if record.early:
                    record.early.close()
            await self._in_mounts(partial(self._host.clear, dyno_id))
            if self._dynos.pop(dyno_id, None) and record:
                self._host.networks.give_back(record.state.ip)
            used = {other.spec.slug_id for other in self._dynos.values() if other.spec.slug_id}
            await self._in_mounts(partial(self._host.rootfs.slugs.forget_unused, used))

    async def list(self) -> list[DynoSeen]:
        for record in self._dynos.values():
            self._look(record)
        return [record.seen() for record in self._dynos.values()]

    async def changes(self) -> AsyncIterator[DynoSeen]:
        queue: asyncio.Queue[DynoSeen] = asyncio.Queue(CHANGES_KEPT)
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    async def attach(self, dyno_id: str) -> socket.socket:
        record = self._known(dyno_id)
        conn, record.early = record.early, None
        if conn is None:
            if record.exit_code is not None:
                raise Final("attach", f"{record.spec.name} has exited.")
            try:
                conn = attach.connect(self._config.layout.dynos / dyno_id)
            except OSError as error:
                raise Final("attach", f"{record.spec.name} cannot be attached to: {error.strerror}.") from error
        theirs, ours = socket.socketpair()
        task = asyncio.create_task(attach.pump(conn, ours))
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)
        return theirs

    async def resize(self, dyno_id: str, rows: int, cols: int) -> None:
        check_id(dyno_id)
        if not (1 <= rows <= 65535 and 1 <= cols <= 65535):
            raise Final("invalid", f"A terminal cannot be {rows} x {cols}.")
        record = self._dynos.get(dyno_id)
        if record and record.spec.tty and record.exit_code is None:
            attach.resize(self._config.layout.dynos / dyno_id, rows, cols)

    async def listening(self, dyno_id: str, port: int) -> str | None:
        record = self._known(dyno_id)
        if record.exit_code is not None:
            return None
        return listeners.where(record.state.pid, port)

    async def seal(self, dyno_id: str, slug_id: str) -> Sealed:
        check_id(slug_id, "slug id")
        record = self._known(dyno_id)
        if record.spec.kind != "build" or record.exit_code is None:
            raise Final("seal", f"{record.spec.name} is not a build that has ended; only that becomes a slug.")
        return await self._loop.run_in_executor(self._sealer.executor, self._sealer.seal, record.spec, slug_id)

    async def memory_bytes(self, dyno_id: str) -> int | None:
        return self._host.cgroups.memory_bytes(self._host.group(check_id(dyno_id)))

    # -- inside

    async def _start(self, spec: DynoSpec) -> DynoSeen:
        async with self._lock(spec.id):
            record: Record = await self._in_mounts(partial(self._boot.start, spec))
            self._dynos[spec.id] = record
            self._look(record)  # it may have ended before it was on the list
            self._host.networks.refill()
            self._loop.run_in_executor(self._host.mounts.executor, self._boot.settle, record)
            return record.seen()

    def _known(self, dyno_id: str) -> Record:
        record = self._dynos.get(check_id(dyno_id))
        if record is None:
            raise Final("gone", f"There is no dyno {dyno_id} here.")
        return record

    def _lock(self, dyno_id: str) -> asyncio.Lock:
        return self._locks.setdefault(dyno_id, asyncio.Lock())

    async def _in_mounts(self, work: Any) -> Any:
        return await self._loop.run_in_executor(self._host.mounts.executor, work)

    def _signal(self, record: Record, number: int) -> None:
        """To every process of the dyno but our init, which would pass it on a second time."""
        pids = self._host.cgroups.processes(self._host.group(record.spec.id))
        others = [pid for pid in pids if pid != record.state.pid or not _is_init(pid)]
        for pid in others or pids:
            cgroups.send(pid, number)

    async def _wait(self, record: Record, seconds: float) -> bool:
        deadline = self._loop.time() + seconds
        while record.exit_code is None and (left := deadline - self._loop.time()) > 0:
            with suppress(TimeoutError):
                # now and then a look of our own, in case conmon was killed and leaves no exit file
                async with asyncio.timeout(min(left, 1.0)):
                    await record.exited.wait()
            self._look(record)
        return record.exit_code is not None

    def _on_exit_files(self) -> None:
        with suppress(BlockingIOError):
            for name in sc.inotify_names(os.read(self._exits, 65536)):
                if record := self._dynos.get(name):
                    self._look(record)

    def _look(self, record: Record) -> None:
        """Note an exit, and tell those who wait, once."""
        if records.settle(self._config, record):
            self._note_exit(record)
            for queue in self._listeners:
                with suppress(asyncio.QueueFull):
                    queue.put_nowait(record.seen())
        elif record.exit_code is None:
            record.oom = self._host.cgroups.oom(self._host.group(record.spec.id))

    def _note_exit(self, record: Record) -> None:
        record.oom = self._host.cgroups.oom(self._host.group(record.spec.id))
        record.exited.set()


def _is_init(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(64).split(b"\0")[0] == INIT.encode()
    except OSError:
        return False
