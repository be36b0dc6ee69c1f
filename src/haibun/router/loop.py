"""The router's loop: looks at the wanted table and at HAProxy, does what the planner says, tells what is so.

Owns the order of a pass and the clocks of draining. It is never on the path of a request: while it is away,
HAProxy goes on with what it has.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from haibun.core.errors import Temporary
from haibun.router.admin import HaproxyAdmin
from haibun.router.certs import RouterCerts
from haibun.router.config import Edge
from haibun.router.haproxy import reload
from haibun.router.ops import AddServer, DelServer, FreeSlot, Grow, Op, Proxy, SetPower, apply
from haibun.router.plan import plan
from haibun.router.table import RouteTable, dyno_id_of

DRAIN_SECONDS = 30.0
RESYNC_SECONDS = 30.0
REST_SECONDS = 10.0
"""A server is deleted so long after it was shut off: a request may still hold on to it between two attempts
to connect, which HAProxy 2.6 does not count."""
SLOT_REST_SECONDS = 120.0
"""More than a request can wait inside a slot."""
LOOK_AGAIN_SECONDS = 0.2


@dataclass(frozen=True)
class Seen:
    """routed: dynos that get requests now. drained: dynos told to drain that have no request left (or had
    their 30 s); they may be stopped."""

    routed: frozenset[str]
    drained: frozenset[str]


class RouterLoop:
    """One pass at a time; call pass_once() on every hint and when it asked to be called again."""

    def __init__(
        self,
        admin: HaproxyAdmin,
        edge: Edge,
        snapshot: Callable[[], RouteTable],
        report: Callable[[Seen], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admin = admin
        self._edge = edge
        self._own = frozenset(edge.platform_hosts())
        self._snapshot = snapshot
        self._report = report
        self._clock = clock
        self._certs = RouterCerts(admin, edge)
        self._lock = asyncio.Lock()
        self._model: Proxy | None = None
        self._pid = 0
        self._done: RouteTable | None = None
        self._read_at = 0.0
        self._draining: dict[str, float] = {}
        self._empty: set[str] = set()
        self._shut: dict[tuple[int, str], float] = {}
        self._freed: dict[int, float] = {}
        self._said: Seen | None = None

    async def pass_once(self) -> float:
        """Bring HAProxy to the wanted table. Seconds until it wants another look; Temporary if HAProxy is away
        or refuses (what was done stays done, the next pass reads everything anew)."""
        async with self._lock:
            try:
                return await self._pass()
            except BaseException:
                self._model = None
                raise

    async def _pass(self) -> float:
        wanted = self._snapshot().without(self._own)
        model = await self._look()
        pending = any(server.power == "maint" for slot in model.servers.values() for server in slot.values())
        if wanted != self._done or pending:
            self._done = None
            await self._certs.ensure(wanted)
            await self._do(plan(wanted, model, self._resting()), model)
            self._done = wanted
        return await self._tell(wanted, model)

    async def _look(self) -> Proxy:
        """The model of HAProxy: kept from the last pass, read anew now and then and after a reload or restart."""
        await self._admin.refresh_old_workers()
        pid = await self._admin.pid()
        now = self._clock()
        if self._model is None or pid != self._pid or now - self._read_at > RESYNC_SECONDS:
            self._model, self._pid, self._read_at = await self._admin.read(), pid, now
            self._done = None
        return self._model

    async def _do(self, ops: list[Op], model: Proxy) -> None:
        for op in ops:
            if isinstance(op, Grow):
                grown = model.copy()
                apply(grown, op)
                await reload(self._admin, self._edge, grown)
                self._pid = await self._admin.pid()
                apply(model, op)
            elif self._may(op, model) and await self._admin.do(op):
                apply(model, op)
                self._note(op)

    def _may(self, op: Op, model: Proxy) -> bool:
        """Deletions wait until the server has rested; a slot is freed after its last server."""
        if isinstance(op, DelServer):
            shut = self._shut.setdefault((op.slot, op.key), self._clock())
            return self._clock() - shut >= REST_SECONDS
        return not (isinstance(op, FreeSlot) and op.slot in model.servers)

    def _note(self, op: Op) -> None:
        match op:
            case SetPower(slot, key, "maint"):
                self._shut[slot, key] = self._clock()
            case DelServer(slot, key) | AddServer(slot, key):
                self._shut.pop((slot, key), None)
            case FreeSlot(slot):
                self._freed[slot] = self._clock()

    def _resting(self) -> frozenset[int]:
        now = self._clock()
        self._freed = {slot: at for slot, at in self._freed.items() if now - at < SLOT_REST_SECONDS}
        return frozenset(self._freed)

    async def _tell(self, wanted: RouteTable, model: Proxy) -> float:
        """Report what changed; a dyno has drained when two looks in a row found it without a request."""
        drains = await self._drains(wanted, model)
        reachable = {slot for slot, (_, state) in model.owners.items() if state == "serving"}
        routed = frozenset(
            dyno_id_of(key)
            for slot, servers in model.servers.items()
            if slot in reachable
            for key, server in servers.items()
            if server.power == "ready"
        )
        drained = frozenset(dyno_id for dyno_id, done in drains.items() if done)
        seen = Seen(routed, drained)
        if seen != self._said:
            self._report(seen)
            self._said = seen
        if not all(drains.values()):
            return LOOK_AGAIN_SECONDS
        resting = any(server.power == "maint" for slot in model.servers.values() for server in slot.values())
        return REST_SECONDS if resting else RESYNC_SECONDS

    async def _drains(self, wanted: RouteTable, model: Proxy) -> dict[str, bool]:
        """Dyno id -> drained, of every dyno that the table wants drained."""
        draining = {server.key: server.dyno_id for app in wanted.apps for server in app.servers if server.draining}
        now = self._clock()
        self._draining = {key: self._draining.get(key, now) for key in draining}
        sessions: dict[str, int] = {}
        for slot, servers in model.servers.items():
            if any(key in draining and key not in self._empty for key in servers):
                sessions |= await self._admin.sessions(slot)
        present = {key for servers in model.servers.values() for key in servers}
        done: dict[str, bool] = {}
        empty = {key for key in draining if sessions.get(key, 0) == 0 or key in self._empty}
        for key, dyno_id in draining.items():
            late = now - self._draining[key] >= DRAIN_SECONDS
            done[dyno_id] = late or key not in present or (key in empty and key in self._empty)
        self._empty = empty
        return done


async def run(loop: RouterLoop, hinted: asyncio.Event) -> None:
    """Pass after pass until cancelled, at once after a hint."""
    while True:
        try:
            wait = await loop.pass_once()
        except Temporary as error:
            wait = error.after_seconds
        try:
            async with asyncio.timeout(wait):
                await hinted.wait()
        except TimeoutError:
            pass
        hinted.clear()
