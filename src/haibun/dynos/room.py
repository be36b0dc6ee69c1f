"""The dynos room: keeps every app's dynos as wanted. Reads a snapshot, plans, and does small operations
as tasks of their own, one at a time per attempt; knows no containers, only the driver's seam."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from sqlalchemy import Row

from haibun.control import apps as app_verbs
from haibun.control import dynos as verbs
from haibun.control import releases as release_verbs
from haibun.control.context import Control
from haibun.core.errors import Final, HaibunError
from haibun.dynos import snapshot as snapshots
from haibun.dynos import spec as specs
from haibun.dynos.attempts import Attempts
from haibun.dynos.model import Abandon, Begin, Create, Do, Operation, Snapshot
from haibun.dynos.plan import plan
from haibun.dynos.probe import wait_until_accepts
from haibun.kit.keyed_loop import KeyedLoop
from haibun.runtime.driver import Driver, DynoSeen
from haibun.store import apps as app_rows
from haibun.store import dynos as rows

log = logging.getLogger(__name__)
GRACE_SECONDS = 30.0
CLIENT_READS_SECONDS = 60.0
LOOPBACK_NOTE = (
    "Your app listens on 127.0.0.1 only, where the router cannot reach it: bind to 0.0.0.0 or [::] on port $PORT"
)
R10 = "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within {:.0f} seconds of launch"


class Client:
    """A client at the rendezvous. started: its dyno has started, or never will. left: it has all it wants."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.left = asyncio.Event()


class DynosRoom:
    """run() until cancelled. `boot_timeout_seconds`: how long a web dyno may take to accept."""

    def __init__(self, control: Control, driver: Driver, *, boot_timeout_seconds: float = 60.0) -> None:
        self.control, self.driver = control, driver
        self.boot_timeout_seconds = boot_timeout_seconds
        self.attempts = Attempts(control)
        self.loop = KeyedLoop("dynos", self._keys, self._look)
        self.clients: dict[str, Client] = {}
        """one-off id -> the client that is attached to it"""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, DynoSeen] = {}
        self._ended_events: dict[str, asyncio.Event] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            await self._refresh()
            group.create_task(self._watch())
            group.create_task(self._refresh_often())
            group.create_task(self.loop.run())

    def hint(self, app_id: str) -> None:
        self.loop.hint(app_id)

    # -- what the runtime says

    async def _watch(self) -> None:
        while True:
            try:
                async for seen in self.driver.changes():
                    self._seen[seen.id] = seen
                    if seen.state == "exited" and (event := self._ended_events.get(seen.id)):
                        event.set()
                    self.loop.hint(seen.app_id)
            except HaibunError as error:
                log.warning("the runtime is away: %s", error)
            await asyncio.sleep(0.5)

    async def _refresh_often(self) -> None:
        while True:
            await asyncio.sleep(5)
            await self._refresh()

    async def _refresh(self) -> None:
        """The truth from the runtime; removes what no row wants."""
        busy, began = set(self._tasks), self.control.clock.now().timestamp()
        try:
            listed = {seen.id: seen for seen in await self.driver.list()}
        except HaibunError as error:
            log.warning("the runtime is away: %s", error)
            return
        busy |= self._tasks.keys()
        # What was under way or started meanwhile is newer than the list.
        newer = {k: v for k, v in self._seen.items() if k in busy or v.started_at >= began - 1}
        self._seen = listed | newer
        for seen in listed.values():
            if seen.id not in busy and await asyncio.to_thread(self._orphan, seen.id):
                self._task(seen.id, self.driver.remove(seen.id), seen.app_id)

    def _orphan(self, dyno_id: str) -> bool:
        with self.control.store.read() as conn:
            row = rows.by_id(conn, dyno_id)
        return row is None or row.phase in ("gone", "crashed")

    # -- one look at one app

    def _keys(self) -> list[str]:
        with self.control.store.read() as conn:
            return app_rows.ids(conn)

    async def _look(self, app_id: str) -> float | None:
        snapshot = await asyncio.to_thread(self._snapshot, app_id)
        if snapshot is None:
            return None
        if await self._note_ends(snapshot):
            return 0.0
        made = plan(snapshot)
        if not made.operations and snapshot.deleted and not snapshot.attempts:
            await asyncio.to_thread(app_verbs.purge, self.control, app_id)
            return None
        await self._switch(snapshot, made.operations)
        for operation in made.operations:
            await self._do(snapshot, operation)
        return made.look_again_seconds

    def _snapshot(self, app_id: str) -> Snapshot | None:
        with self.control.store.read() as conn:
            return snapshots.read(
                conn,
                app_id,
                self.control.clock.now(),
                busy=frozenset(self._tasks),
                clients=frozenset(self.clients),
            )

    async def _note_ends(self, snapshot: Snapshot) -> bool:
        """Start what follows from dynos that have ended, or that were lost, or that a restart of ours left
        half-way. True if anything was started."""
        started = False
        for attempt in snapshot.attempts:
            if attempt.busy or attempt.id in self._tasks:
                continue
            seen = self._seen.get(attempt.id)
            row = await asyncio.to_thread(self._row, attempt.id)
            if row is None or row.phase == "gone":
                continue
            follow = self._follow(row, seen)
            if follow is not None:
                self._task(row.id, follow, row.app_id)
                started = True
        return started

    def _follow(self, row: Row[Any], seen: DynoSeen | None) -> Coroutine[Any, Any, None] | None:
        phase, ended = row.phase, seen is not None and seen.state == "exited"
        if phase == "complete":
            return self._finish_one_off(row)
        if phase == "stopping":
            return self._stop(row, "down")
        if phase == "created":
            return self._boot(row)
        if phase in ("starting", "up", "retiring") and (seen is None or ended):
            return self._ended(row, seen)
        if phase == "starting" and seen is not None:
            return self._await_up(row, seen.ip)
        return None

    def _row(self, dyno_id: str) -> Row[Any] | None:
        """The attempt's row of now."""
        with self.control.store.read() as conn:
            return rows.by_id(conn, dyno_id)

    def exit_code(self, dyno_id: str) -> int | None:
        """The exit code of an attempt, None while it runs."""
        row = self._row(dyno_id)
        return row.exit_code if row is not None else None

    # -- operations

    def _task(self, key: str, work: Coroutine[Any, Any, None], app_id: str) -> None:
        assert self._group is not None
        if key in self._tasks:
            work.close()
            return

        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.exception("an operation on dyno %s failed; it will be looked at again", key)
                await asyncio.sleep(1)
            finally:
                self._tasks.pop(key, None)
                self.loop.hint(app_id)

        self._tasks[key] = self._group.create_task(guarded())

    async def _switch(self, snapshot: Snapshot, operations: tuple[Operation, ...]) -> None:
        serve = [o.id for o in operations if isinstance(o, Do) and o.verb == "serve"]
        retire = [o.id for o in operations if isinstance(o, Do) and o.verb == "retire"]
        if serve or retire:
            await asyncio.to_thread(self.attempts.serve_and_retire, snapshot.app_id, serve, retire)

    async def _do(self, snapshot: Snapshot, operation: Operation) -> None:
        if isinstance(operation, Create):
            dyno_id = await asyncio.to_thread(
                self.attempts.create, snapshot.app_id, snapshot.release_id, operation
            )
            await self._start_task(dyno_id)
        elif isinstance(operation, Begin):
            await asyncio.to_thread(self._begin, operation.id)
            await self._start_task(operation.id)
        elif isinstance(operation, Abandon):
            await self._abandon(operation)
        elif operation.verb in ("stop", "forget"):
            row = await asyncio.to_thread(self._row, operation.id)
            if row is not None:
                work = self._stop(row, operation.why) if operation.verb == "stop" else self._forget(row)
                self._task(row.id, work, row.app_id)

    async def _start_task(self, dyno_id: str) -> None:
        row = await asyncio.to_thread(self._row, dyno_id)
        if row is not None:
            self._task(row.id, self._boot(row), row.app_id)

    def _begin(self, dyno_id: str) -> None:
        with self.control.store.read() as conn:
            one_off = rows.one_off(conn, dyno_id)
        if one_off is not None and self._row(dyno_id) is None:
            self.attempts.begin(one_off)

    async def _abandon(self, operation: Abandon) -> None:
        if operation.code == "R13":
            await asyncio.to_thread(self._say_r13, operation.id)
        await asyncio.to_thread(verbs.forget_one_off, self.control, operation.id)
        if client := self.clients.get(operation.id):
            client.started.set()

    def _say_r13(self, dyno_id: str) -> None:
        with self.control.store.read() as conn:
            one_off = rows.one_off(conn, dyno_id)
        if one_off is not None:
            self.attempts.say(one_off, "Error R13 (Attach error) -> Failed to attach to process")

    async def _boot(self, row: Row[Any]) -> None:
        try:
            spec = await asyncio.to_thread(self._spec, row)
            seen = await self.driver.start(spec)
        except Final as error:
            await self._never_started(row, str(error))
            return
        self._seen.setdefault(row.id, seen)
        await asyncio.to_thread(self.attempts.started, row, seen.ip)
        if client := self.clients.get(row.id):
            client.started.set()
        await self._await_up(row, seen.ip)

    def _spec(self, row: Row[Any]) -> Any:
        with self.control.store.read() as conn:
            return specs.build(self.control, conn, row)

    async def _never_started(self, row: Row[Any], reason: str) -> None:
        await self.driver.remove(row.id)
        note = f"Error R99 (Platform error) -> Failed to launch the dyno: {reason}"
        if row.kind == "formation":
            await asyncio.to_thread(self.attempts.crashed, row, None, note=note)
            return
        log.warning("dyno %s of app %s: %s", row.name, row.app_id, note)
        if row.kind == "build":
            await asyncio.to_thread(self.attempts.sealed, row, None, reason)
        await asyncio.to_thread(self.attempts.say, row, note)
        await asyncio.to_thread(self.attempts.complete, row, 1)

    async def _await_up(self, row: Row[Any], ip: str | None) -> None:
        """To `up` once it accepts (web) or at once (the rest); R10 if it takes too long."""
        if row.port is not None and ip is not None:
            try:
                async with asyncio.timeout(self.boot_timeout_seconds), asyncio.TaskGroup() as group:
                    ended = group.create_task(self._until_ended(row.id))
                    await wait_until_accepts_or(ended, ip, row.port)
                    ended.cancel()
            except TimeoutError:
                await self._boot_timeout(row)
                return
            seen = self._seen.get(row.id)
            if seen is not None and seen.state == "exited":
                return  # the look that follows this task tells of the crash
        await asyncio.to_thread(self.attempts.up, row, serving=False)

    async def _until_ended(self, dyno_id: str) -> None:
        event = self._ended_events.setdefault(dyno_id, asyncio.Event())
        seen = self._seen.get(dyno_id)
        if seen is None or seen.state != "exited":
            await event.wait()

    async def _boot_timeout(self, row: Row[Any]) -> None:
        where = await self.driver.listening(row.id, row.port or 0)
        await asyncio.to_thread(self.attempts.say, row, R10.format(self.boot_timeout_seconds))
        if where == "loopback":
            await asyncio.to_thread(self.attempts.say, row, LOOPBACK_NOTE)
        await asyncio.to_thread(self.attempts.say, row, "Stopping process with SIGKILL")
        seen = await self.driver.stop(row.id, 0)
        await asyncio.to_thread(self.attempts.crashed, row, seen.exit_code if seen else 137)
        await self._remove(row)

    async def _ended(self, row: Row[Any], seen: DynoSeen | None) -> None:
        """It ended by itself, or it is lost with the machine's memory of it."""
        code, oom = (seen.exit_code, seen.oom) if seen else (None, False)
        if row.kind != "formation":
            await asyncio.to_thread(self.attempts.complete, row, code, oom=oom)
            await self._finish_one_off(row)
        elif seen is None:
            await asyncio.to_thread(
                self.attempts.gone, row, "The dyno was lost with its machine; starting it anew"
            )
        elif row.phase == "retiring":
            await asyncio.to_thread(self.attempts.stopped, row, code, late=False)
            await self._remove(row)
        else:
            await asyncio.to_thread(self.attempts.crashed, row, code, oom=oom)
            await self._remove(row)

    async def _finish_one_off(self, row: Row[Any]) -> None:
        newer = await asyncio.to_thread(self._row, row.id)
        row = newer if newer is not None else row
        if row.kind == "build" and row.exit_code == 0 and row.result is None:
            try:
                sealed = await self.driver.seal(row.id, row.id)
            except Final as error:
                await asyncio.to_thread(self.attempts.sealed, row, None, str(error))
            else:
                await asyncio.to_thread(self.attempts.sealed, row, sealed)
        if row.kind == "release" and row.release_id:
            good = row.exit_code == 0
            await asyncio.to_thread(release_verbs.finish_phase, self.control, row.release_id, succeeded=good)
        if client := self.clients.get(row.id):
            client.started.set()
            # A short command is over before its client has read what it said.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLIENT_READS_SECONDS):
                    await client.left.wait()
        if row.kind != "build":  # a build's wish is forgotten by the builds room, which still reads it
            await asyncio.to_thread(verbs.forget_one_off, self.control, row.id)
        await self._remove(row)
        await asyncio.to_thread(self.attempts.gone, row)

    async def _stop(self, row: Row[Any], why: str) -> None:
        if row.phase != "stopping":
            await asyncio.to_thread(self.attempts.stopping, row, why)
        began = self.control.clock.monotonic()
        grace = 5.0 if row.kind == "build" else GRACE_SECONDS
        seen = await self.driver.stop(row.id, grace)
        late = self.control.clock.monotonic() - began >= grace
        await asyncio.to_thread(self.attempts.stopped, row, seen.exit_code if seen else None, late=late)
        if row.kind in ("run", "release"):
            await self._finish_one_off(row)
        else:
            await self._remove(row)

    async def _forget(self, row: Row[Any]) -> None:
        await self._remove(row)
        await asyncio.to_thread(self.attempts.gone, row)

    async def _remove(self, row: Row[Any]) -> None:
        await self.driver.remove(row.id)
        self._seen.pop(row.id, None)
        self._ended_events.pop(row.id, None)


async def wait_until_accepts_or(ended: asyncio.Task[None], ip: str, port: int) -> None:
    """Return when ip:port accepts or the task is done, whichever is first."""
    accepts = asyncio.create_task(wait_until_accepts(ip, port))
    try:
        await asyncio.wait({ended, accepts}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        accepts.cancel()
