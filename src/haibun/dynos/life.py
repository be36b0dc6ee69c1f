"""The life of one attempt as operations: boot, wait until it is up, stop, tell of its end, clear it away.

Each may die half-way with our process: the row's phase says where to go on, and every step may be done again.
Decides nothing; the planner does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Row

from haibun.control import dynos as verbs
from haibun.control import releases as release_verbs
from haibun.control.context import Control
from haibun.core.errors import Final
from haibun.dynos import spec as specs
from haibun.dynos.attempts import Attempts
from haibun.dynos.clients import Clients
from haibun.dynos.machine import Machine
from haibun.dynos.tasks import Tasks
from haibun.runtime.driver import Driver, DynoSeen, DynoSpec
from haibun.store import dynos as rows

log = logging.getLogger(__name__)
GRACE_SECONDS = 30.0
BUILD_GRACE_SECONDS = 5.0
LOOPBACK_NOTE = (
    "Your app listens on 127.0.0.1 only, where the router cannot reach it: bind to 0.0.0.0 or [::] on port $PORT"
)
R10 = "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within {:.0f} seconds of launch"
LOST = "The dyno was lost with its machine; starting it anew"
LOST_ONE_OFF = "The dyno was lost with its machine"
Accepts = Callable[[str, int], Awaitable[None]]


class Life:
    """Operations on rows of `dynos`. `accepts(ip, port)` returns once a web dyno takes connections."""

    def __init__(
        self,
        control: Control,
        driver: Driver,
        machine: Machine,
        tasks: Tasks,
        clients: Clients,
        *,
        boot_timeout_seconds: float,
        accepts: Accepts,
    ) -> None:
        self._control, self._driver, self._machine = control, driver, machine
        self._tasks, self._clients = tasks, clients
        self._boot_timeout_seconds, self._accepts = boot_timeout_seconds, accepts
        self._attempts = Attempts(control)

    def row(self, dyno_id: str) -> Row[Any] | None:
        """The attempt's row of now."""
        with self._control.store.read() as conn:
            return rows.by_id(conn, dyno_id)

    # -- the beginning

    async def boot(self, row: Row[Any]) -> None:
        try:
            spec = await asyncio.to_thread(self._spec, row)
            seen = await self._driver.start(spec)
        except Final as error:
            await self._never_started(row, str(error))
            return
        self._machine.note(seen)
        await asyncio.to_thread(self._attempts.started, row, seen.ip)
        self._clients.started(row.id)
        await self.await_up(row, seen.ip)

    def _spec(self, row: Row[Any]) -> DynoSpec:
        with self._control.store.read() as conn:
            return specs.build(self._control, conn, row)

    async def _never_started(self, row: Row[Any], reason: str) -> None:
        await self._driver.remove(row.id)
        note = f"Error R99 (Platform error) -> Failed to launch the dyno: {reason}"
        log.warning("dyno %s of app %s: %s", row.name, row.app_id, note)
        if row.kind == "formation":
            await asyncio.to_thread(self._attempts.crashed, row, None, note=note)
            return
        if row.kind == "build":
            await asyncio.to_thread(self._attempts.sealed, row, None, reason)
        await asyncio.to_thread(self._attempts.complete, row, 1, note=note)

    async def await_up(self, row: Row[Any], ip: str | None) -> None:
        """To `up` once it accepts (web) or at once (the rest); R10 if it takes too long."""
        if row.port is not None and ip is not None:
            try:
                with self._tasks.patient(row.id):
                    async with asyncio.timeout(self._boot_timeout_seconds):
                        await self._accepts_or_ended(row.id, ip, row.port)
            except TimeoutError:
                await self._boot_timeout(row)
                return
            if self._machine.has_exited(row.id):
                return  # the look that follows this operation tells of the crash
        await asyncio.to_thread(self._attempts.up, row)

    async def _accepts_or_ended(self, dyno_id: str, ip: str, port: int) -> None:
        waits = {
            asyncio.ensure_future(self._accepts(ip, port)),
            asyncio.ensure_future(self._machine.until_ended(dyno_id)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _boot_timeout(self, row: Row[Any]) -> None:
        where = await self._driver.listening(row.id, row.port or 0)
        notes = [R10.format(self._boot_timeout_seconds)]
        notes += [LOOPBACK_NOTE] if where == "loopback" else []
        seen = await self._driver.stop(row.id, 0)
        for note in (*notes, "Stopping process with SIGKILL"):
            await asyncio.to_thread(self._attempts.say, row, note)
        await asyncio.to_thread(self._attempts.crashed, row, seen.exit_code if seen else 137)
        await self._remove(row)

    # -- the end

    async def ended(self, row: Row[Any], seen: DynoSeen) -> None:
        """It ended by itself."""
        if row.kind != "formation":
            await asyncio.to_thread(self._attempts.complete, row, seen.exit_code, oom=seen.oom)
            await self.finish_one_off(row)
        elif row.phase == "retiring":
            await asyncio.to_thread(self._attempts.stopped, row, seen.exit_code, late=False)
            await self._remove(row)
        else:
            await asyncio.to_thread(self._attempts.crashed, row, seen.exit_code, oom=seen.oom)
            await self._remove(row)

    async def lost(self, row: Row[Any]) -> None:
        """The runtime knows nothing of it. It is asked once more: to be wrong here would end a healthy dyno."""
        await self._machine.refresh()
        if self._machine.seen(row.id) is not None:
            return
        if row.kind == "formation":
            await asyncio.to_thread(self._attempts.gone, row, LOST)
        else:
            await asyncio.to_thread(self._attempts.complete, row, None, note=LOST_ONE_OFF)
            await self.finish_one_off(row)

    async def finish_one_off(self, row: Row[Any]) -> None:
        """What follows from the end of a one-off: a slug, a verdict on a release, a client who may read on."""
        newer = await asyncio.to_thread(self.row, row.id)
        row = newer if newer is not None else row
        if row.kind == "build" and row.exit_code == 0 and row.result is None:
            await self._seal(row)
        if row.kind == "release" and row.release_id:
            good = row.exit_code == 0
            await asyncio.to_thread(release_verbs.finish_phase, self._control, row.release_id, succeeded=good)
        await self._clients.until_read(row.id)
        if row.kind != "build":  # a build's wish is forgotten by the builds room, which still reads it
            await asyncio.to_thread(verbs.forget_one_off, self._control, row.id)
        await self._remove(row)
        await asyncio.to_thread(self._attempts.gone, row)

    async def _seal(self, row: Row[Any]) -> None:
        try:
            sealed = await self._driver.seal(row.id, row.id)
        except Final as error:
            await asyncio.to_thread(self._attempts.sealed, row, None, str(error))
        else:
            await asyncio.to_thread(self._attempts.sealed, row, sealed)

    async def stop(self, row: Row[Any], why: str) -> None:
        """SIGTERM, a grace, SIGKILL."""
        if row.phase != "stopping":
            await asyncio.to_thread(self._attempts.stopping, row, why)
        began = self._control.clock.monotonic()
        grace = BUILD_GRACE_SECONDS if row.kind == "build" else GRACE_SECONDS
        seen = await self._driver.stop(row.id, grace)
        late = self._control.clock.monotonic() - began >= grace
        await asyncio.to_thread(self._attempts.stopped, row, seen.exit_code if seen else None, late=late)
        if row.kind in ("run", "release"):
            await self.finish_one_off(row)
        else:
            await self._remove(row)

    async def forget(self, row: Row[Any]) -> None:
        """Clear away an attempt that has crashed."""
        await self._remove(row)
        await asyncio.to_thread(self._attempts.gone, row)

    async def _remove(self, row: Row[Any]) -> None:
        await self._driver.remove(row.id)
        self._machine.forget(row.id)
