"""The controller process: the rooms that keep things as wanted (builds, dynos, router), each a loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from haibun.core.layout import Layout
from haibun.roles import compose
from haibun.roles.settings import Settings

if TYPE_CHECKING:
    from haibun.control.context import Control

log = logging.getLogger("controller")


def main() -> None:
    settings, layout = compose.enter("controller")
    import uvloop

    control = compose.control_of(settings, layout)
    uvloop.run(_run(settings, layout, control))


async def _run(settings: Settings, layout: Layout, control: Control) -> None:
    from haibun.builds.room import BuildsRoom
    from haibun.dynos import rendezvous
    from haibun.dynos.room import DynosRoom
    from haibun.kit import hints
    from haibun.runtime.client import RemoteDriver

    driver = RemoteDriver(layout.socket("runtime"))
    dynos = DynosRoom(control, driver, boot_timeout_seconds=settings.boot_timeout_seconds)
    builds = BuildsRoom(control, layout, settings.build_env)
    router_hinted = asyncio.Event()

    def dynos_hint(app_id: str) -> None:
        dynos.hint(app_id)
        builds.hint(app_id)

    rooms: dict[str, Callable[[str], None]] = {
        "dynos": dynos_hint,
        "builds": builds.hint,
        "router": lambda _: router_hinted.set(),
    }
    sockets = [hints.listen(layout.hint(room), on_hint) for room, on_hint in rooms.items()]
    server = await rendezvous.serve(dynos, layout.socket("rendezvous"))
    try:
        async with server, asyncio.TaskGroup() as group:
            group.create_task(dynos.run())
            group.create_task(builds.run())
            group.create_task(_router(settings, layout, control, router_hinted))
    finally:
        for receiver in sockets:
            receiver.close()


async def _router(settings: Settings, layout: Layout, control: Control, hinted: asyncio.Event) -> None:
    from haibun.core.errors import Temporary
    from haibun.router import haproxy, snapshot
    from haibun.router.loop import RouterLoop, Seen, run
    from haibun.router.table import RouteTable

    def read() -> RouteTable:
        with control.store.read() as conn:
            return snapshot.table(conn)

    def report(seen: Seen) -> None:
        with control.store.write() as tx:
            snapshot.report(tx, seen.routed, seen.drained, control.clock.now())

    async def not_here(_argv: list[str]) -> None:
        raise Temporary("HAProxy is the supervisor's to start")

    edge = compose.edge_of(settings)
    while not await haproxy.alive(layout):  # noqa: ASYNC110 another program, it sends no event
        await asyncio.sleep(0.05)
    admin = await haproxy.start(layout, edge, not_here)
    await run(RouterLoop(admin, edge, read, report), hinted)


if __name__ == "__main__":
    main()
