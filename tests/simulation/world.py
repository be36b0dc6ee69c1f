"""A platform in one process: the real rooms of dynos and builds, a real store, a machine in memory.

The router and HAProxy are played by a loop that routes what is to be routed and drains at once.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from haibun.blobs import streams
from haibun.builds.room import BuildsRoom
from haibun.control import apps, authorizations, builds
from haibun.control.context import Actor, Control, Platform
from haibun.core.errors import Temporary
from haibun.core.layout import Layout
from haibun.dynos.room import DynosRoom
from haibun.kit.ids import new_id
from haibun.router import snapshot as routing
from haibun.runtime.driver import DynoSeen, DynoSpec
from haibun.runtime.fake import Behaviour, FakeDriver, FakeDyno
from haibun.store import migrate
from haibun.store.engine import Store
from haibun.store.tables import dynos, log_events, one_offs, releases
from haibun.wire.k8s_log import HEAD
from haibun.wire.sealed import Sealer

URL = "http://a.example"
PLATFORM = Platform("a.example", "http://{app}.a.example/", "a.example", URL, "a:1", "s-1", ("s-1",))
SLUG = {"web": "serve", "worker": "work"}


class Clock:
    """Wall time that a test moves; what waits does so in real time, and is short here."""

    def __init__(self) -> None:
        self.skew = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.skew

    def monotonic(self) -> float:
        return time.monotonic()


class Machine(FakeDriver):
    """The fake, which can be away, can lose everything, and counts starts. Builds write to their output file."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(self._behave, wait=lambda _: asyncio.sleep(0))
        self.layout = layout
        self.away = False
        self.behaviours: dict[str, Behaviour] = {}
        self.process_types = dict(SLUG)
        self.starts: Counter[str] = Counter()
        self.build_lines = 3

    def _behave(self, spec: DynoSpec) -> Behaviour:
        self.starts[spec.id] += 1
        if spec.kind == "build":
            facts = {"process_types": self.process_types, "buildpacks": ["h/t"]}
            facts |= {"buildpack_provided_description": "T"}
            asyncio.get_running_loop().create_task(self._write(spec))
            return Behaviour(after_seconds=None, result=json.dumps(facts))
        return self.behaviours.get(spec.argv[-1], Behaviour())

    async def _write(self, spec: DynoSpec) -> None:
        """What a build says, a line at a time; then its end."""
        path = self.layout.output / spec.app_id / f"{spec.name}.{spec.id}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = "2026-11-23T23:00:00.123456789+00:00 stdout F "
        assert len(head) == HEAD
        with path.open("a", buffering=1) as file:
            for number in range(self.build_lines):
                file.write(f"{head}line {number} of {spec.env['REQUEST_ID']}\n")
                await asyncio.sleep(0.005)
        if spec.id in self.machine:
            self.end(spec.id, 0)

    def _reach(self) -> None:
        if self.away:
            raise Temporary("away", after_seconds=0.02)

    async def start(self, spec: DynoSpec) -> DynoSeen:
        self._reach()
        return await super().start(spec)

    async def stop(self, dyno_id: str, grace_seconds: float) -> DynoSeen | None:
        self._reach()
        return await super().stop(dyno_id, grace_seconds)

    async def remove(self, dyno_id: str) -> None:
        self._reach()
        await super().remove(dyno_id)

    async def list(self) -> list[DynoSeen]:
        self._reach()
        return await super().list()

    async def changes(self) -> AsyncIterator[DynoSeen]:
        self._reach()
        async for seen in super().changes():
            if not self.away:
                yield seen

    def reboot(self) -> None:
        """Power is lost: the machine remembers no dyno."""
        self.machine.clear()

    def running(self) -> dict[str, FakeDyno]:
        return {id: dyno for id, dyno in self.machine.items() if dyno.seen.state == "running"}


class World:
    """`after_commit` is called after every transaction that hinted somebody."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.layout = Layout(folder / "data", folder / "run")
        self.layout.database.parent.mkdir(parents=True)
        shutil.copyfile(template, self.layout.database)
        self.store = Store(f"sqlite:///{self.layout.database}", self._hint)
        self.clock = Clock()
        self.control = Control(self.store, Sealer(b"k" * 32), self.clock, PLATFORM)
        self.machine = Machine(self.layout)
        self.after_commit: Callable[[], None] = lambda: None
        self.accepts: Callable[[str, int], Any] = _at_once
        self._rooms: list[asyncio.Task[None]] = []

    def found(self) -> None:
        """A user and an app."""
        self.actor = Actor(authorizations.create_user(self.control, "me@example.com"), "me@example.com")
        self.app = apps.create(self.control, self.actor, name="shop")

    def _hint(self, hints: Iterable[tuple[str, str]]) -> None:
        self.after_commit()
        for room, key in hints:
            if room in ("dynos", "builds") and self._rooms:
                self.loop.call_soon_threadsafe(self._hinted, room, key)

    def _hinted(self, room: str, key: str) -> None:
        if room == "dynos":
            self.dynos.hint(key)
        self.builds.hint(key)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.loop = asyncio.get_running_loop()
        self.up()
        try:
            yield
        finally:
            await self.down()
            self.store.close()

    def up(self) -> None:
        """Start the controller's rooms."""
        self.dynos = DynosRoom(self.control, self.machine, boot_timeout_seconds=5, accepts=self.accepts)
        self.builds = BuildsRoom(self.control, self.layout, {})
        works = (self.dynos.run(), self.builds.run(), self._route())
        self._rooms = [asyncio.create_task(work) for work in works]

    async def down(self) -> None:
        """The controller dies, at whatever it is."""
        rooms, self._rooms = self._rooms, []
        for room in rooms:
            assert not room.done(), f"a room has died: {room}"
            room.cancel()
        await asyncio.gather(*rooms, return_exceptions=True)

    async def _route(self) -> None:
        while True:
            await asyncio.to_thread(self._route_once)
            await asyncio.sleep(0.005)

    def _route_once(self) -> None:
        with self.store.read() as conn:
            servers = [server for app in routing.table(conn).apps for server in app.servers]
        routed = {server.dyno_id for server in servers if not server.draining}
        drained = {server.dyno_id for server in servers if server.draining}
        with self.store.write() as tx:
            routing.report(tx, routed, drained, self.clock.now())

    # -- what is

    def rows(self, *, live: bool = True) -> list[Any]:
        query = select(dynos).order_by(dynos.c.created_at, dynos.c.id)
        with self.store.read() as conn:
            return list(conn.execute(query.where(dynos.c.phase != "gone") if live else query))

    def serving(self) -> int:
        return sum(row.serving and row.phase == "up" for row in self.rows())

    def said(self) -> str:
        with self.store.read() as conn:
            return "\n".join(f"{row.source}[{row.ps}]: {row.text}" for row in conn.execute(select(log_events)))

    def release_statuses(self) -> dict[int, str]:
        with self.store.read() as conn:
            rows = conn.execute(select(releases.c.version, releases.c.status).order_by(releases.c.version))
            return {row.version: row.status for row in rows}

    def at_rest(self, wanted: dict[str, int]) -> bool:
        """Whether what is seen is what is wanted, and nothing goes on."""
        rows = self.rows()
        slots = sorted(f"{kind}.{number}" for kind, total in wanted.items() for number in range(1, total + 1))
        with self.store.read() as conn:
            open_wishes = conn.execute(select(one_offs.c.id)).first()
        return (
            open_wishes is None
            and sorted(row.name for row in rows) == slots
            and all(row.phase == "up" for row in rows)
            and self.serving() == wanted.get("web", 0)
            and self.machine.machine.keys() == {row.id for row in rows}
            and not self.dynos.tasks.busy()
        )

    async def until(self, condition: Callable[[], bool], seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                rows = [(row.name, row.phase, row.serving) for row in self.rows()]
                raise AssertionError(f"never so: {rows}\n{self.said()}")
            await asyncio.sleep(0.01)

    # -- what users do

    def push(self) -> str:
        version = "c0ffee00" * 5
        build = builds.create(self.control, self.actor, "shop", source_id=new_id(), source_version=version)
        return str(build.id)

    async def deploy(self) -> str:
        build_id = self.push()
        await self.until(lambda: streams.status(self.layout, build_id) == "succeeded")
        return build_id


async def _at_once(_ip: str, _port: int) -> None:
    await asyncio.sleep(0.002)


def template(folder: Path) -> Path:
    """An empty store of the newest schema, to be copied."""
    path = folder / "template.db"
    store = Store(f"sqlite:///{path}")
    migrate.upgrade(store)
    store.close()
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    return path
