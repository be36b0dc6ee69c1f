"""The dynos room: keeps every app's dynos as wanted. Reads a snapshot, plans, and starts small operations,
one at a time per attempt; knows no containers, only the driver's seam."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from sqlalchemy import Row

from haibun.control import apps as app_verbs
from haibun.control import dynos as verbs
from haibun.control.context import Control
from haibun.core.dyno import moves
from haibun.core.errors import HaibunError
from haibun.dynos import snapshot as snapshots
from haibun.dynos.attempts import Attempts
from haibun.dynos.clients import Clients
from haibun.dynos.life import Accepts, Life
from haibun.dynos.machine import Machine
from haibun.dynos.model import Abandon, Attempt, Begin, Create, Do, Operation, Snapshot
from haibun.dynos.plan import plan
from haibun.dynos.probe import wait_until_accepts
from haibun.dynos.tasks import Tasks
from haibun.kit.keyed_loop import KeyedLoop
from haibun.runtime.driver import Driver
from haibun.store import apps as app_rows
from haibun.store import dynos as rows

log = logging.getLogger(__name__)
RELIST_SECONDS = 5.0


class DynosRoom:
    """run() until cancelled. `boot_timeout_seconds`: how long a web dyno may take to accept."""

    def __init__(
        self,
        control: Control,
        driver: Driver,
        *,
        boot_timeout_seconds: float = 60.0,
        accepts: Accepts = wait_until_accepts,
    ) -> None:
        self.control, self.driver = control, driver
        self.attempts = Attempts(control)
        self.loop = KeyedLoop("dynos", self._keys, self._look)
        self.clients = Clients()
        self.tasks = Tasks(self.loop.hint)
        self.machine = Machine(driver, self.loop.hint)
        self.life = Life(
            control,
            driver,
            self.machine,
            self.tasks,
            self.clients,
            boot_timeout_seconds=boot_timeout_seconds,
            accepts=accepts,
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self.tasks.group = group
            group.create_task(self.machine.watch())
            await self.machine.until_known()
            group.create_task(self._clear_forever())
            group.create_task(self.loop.run())

    def hint(self, app_id: str) -> None:
        self.loop.hint(app_id)

    # -- what the runtime holds

    async def _clear_forever(self) -> None:
        while True:
            try:
                await self._clear()
            except HaibunError as error:
                log.warning("the runtime is away: %s", error)
            except Exception:
                log.exception("looking for dynos that nobody wants failed; trying again")
            await asyncio.sleep(RELIST_SECONDS)

    async def _clear(self) -> None:
        """Learn what there is, and remove what no row wants."""
        held = await self.machine.refresh()
        # The rows are read after the list, and a row is written before its dyno is started: none is too young.
        wanted = await asyncio.to_thread(self._wanted)
        for seen in held:
            if seen.id not in wanted:
                self.tasks.start(seen.id, seen.app_id, self._remove(seen.id))

    def _wanted(self) -> set[str]:
        with self.control.store.read() as conn:
            return rows.wanted_ids(conn)

    async def _remove(self, dyno_id: str) -> None:
        await self.driver.remove(dyno_id)
        self.machine.forget(dyno_id)

    # -- one look at one app

    def _keys(self) -> list[str]:
        with self.control.store.read() as conn:
            return app_rows.ids(conn)

    async def _look(self, app_id: str) -> float | None:
        # What is under way is asked first: an operation that ends meanwhile has its rows written, and hints.
        busy, clients = self.tasks.busy(), self.clients.present()
        snapshot = await asyncio.to_thread(self._snapshot, app_id, busy, clients)
        if snapshot is None:
            return None
        if await self._follow_all(snapshot):
            return 0.0
        made = plan(snapshot)
        if not made.operations and snapshot.deleted and not snapshot.attempts:
            await asyncio.to_thread(app_verbs.purge, self.control, app_id)
            return None
        await self._switch(snapshot, made.operations)
        for operation in made.operations:
            await self._do(snapshot, operation)
        return made.look_again_seconds

    def _snapshot(self, app_id: str, busy: frozenset[str], clients: frozenset[str]) -> Snapshot | None:
        with self.control.store.read() as conn:
            return snapshots.read(conn, app_id, self.control.clock.now(), busy=busy, clients=clients)

    async def _follow_all(self, snapshot: Snapshot) -> bool:
        """Start what follows from dynos that have ended, or that were lost, or that a restart of ours left
        half-way. True if anything was started."""
        started = False
        for attempt in snapshot.attempts:
            if attempt.busy or attempt.id in self.tasks or not self._follows(attempt):
                continue
            row = await asyncio.to_thread(self.life.row, attempt.id)
            if row is not None and row.phase == attempt.phase:
                self.tasks.start(row.id, row.app_id, self._follow(row))
                started = True
        return started

    def _follows(self, attempt: Attempt) -> bool:
        """Whether something has to be done about it, whatever is wanted."""
        if attempt.phase in ("up", "retiring"):
            seen = self.machine.seen(attempt.id)
            return seen is None or seen.state == "exited"
        return attempt.phase in ("created", "starting", "stopping", "complete")

    def _follow(self, row: Row[Any]) -> Coroutine[Any, Any, None]:
        seen = self.machine.seen(row.id)
        if row.phase == "complete":
            return self.life.finish_one_off(row)
        if row.phase == "stopping":
            return self.life.stop(row, "down")
        if row.phase == "created":
            return self.life.boot(row)
        if seen is None:
            return self.life.lost(row)
        if seen.state == "exited":
            return self.life.ended(row, seen)
        return self.life.await_up(row, seen.ip)

    # -- operations

    async def _switch(self, snapshot: Snapshot, operations: tuple[Operation, ...]) -> None:
        serve = [o.id for o in operations if isinstance(o, Do) and o.verb == "serve"]
        retire = [o.id for o in operations if isinstance(o, Do) and o.verb == "retire"]
        if serve or retire:
            await asyncio.to_thread(self.attempts.serve_and_retire, snapshot.app_id, serve, retire)

    async def _do(self, snapshot: Snapshot, operation: Operation) -> None:
        if isinstance(operation, Create):
            release_id = snapshot.release_id
            dyno_id = await asyncio.to_thread(self.attempts.create, snapshot.app_id, release_id, operation)
            await self._start(dyno_id)
        elif isinstance(operation, Begin):
            if await asyncio.to_thread(self._begin, operation.id):
                await self._start(operation.id)
        elif isinstance(operation, Abandon):
            await asyncio.to_thread(verbs.abandon_one_off, self.control, operation.id, operation.code)
            self.clients.started(operation.id)
        elif operation.verb in ("stop", "forget"):
            await self.tasks.interrupt(operation.id)
            row = await asyncio.to_thread(self.life.row, operation.id)
            if row is not None and operation.verb == "stop" and moves(row.phase, "stopping"):
                self.tasks.start(row.id, row.app_id, self.life.stop(row, operation.why))
            elif row is not None and operation.verb == "forget" and row.phase == "crashed":
                self.tasks.start(row.id, row.app_id, self.life.forget(row))

    async def _start(self, dyno_id: str) -> None:
        row = await asyncio.to_thread(self.life.row, dyno_id)
        if row is not None:
            self.tasks.start(row.id, row.app_id, self.life.boot(row))

    def _begin(self, dyno_id: str) -> bool:
        """Write the one-off's attempt; False if it has one already, or is not wanted any more."""
        with self.control.store.read() as conn:
            one_off = rows.one_off(conn, dyno_id)
            known = rows.by_id(conn, dyno_id) is not None
        if one_off is None or known:
            return False
        self.attempts.begin(one_off)
        return True
