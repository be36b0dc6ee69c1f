"""Changes while requests come in: not one of them may fail."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import sys
import textwrap
from dataclasses import replace

import pytest
from router_stand import Dyno, Load, Stand, app, dynos, free_port, get, new_stand, say, standing

from haibun.core.errors import Temporary
from haibun.router import haproxy
from haibun.router.config import FIRST_SLOTS
from haibun.router.loop import Seen
from haibun.router.ops import SetOwner


@pytest.mark.parametrize("kind", ["port", "http_port"])
def test_a_hundred_replacements_of_a_dyno_under_load(kind: str) -> None:
    async def main() -> None:
        async with standing(**{kind: free_port()}) as stand:
            port = stand.edge.port or stand.edge.http_port
            assert port
            old = await Dyno().start()
            await stand.route(app("hello", old.server()))
            async with Load(port, "hello.localhost") as load:
                for _ in range(100):
                    new = await Dyno().start()
                    await stand.route(app("hello", old.server(draining=True), new.server()))
                    assert new.dyno_id in stand.seen.routed
                    async with asyncio.timeout(5):
                        while old.dyno_id not in stand.seen.drained:
                            await asyncio.sleep(0.01)
                            await stand.loop.pass_once()
                    await old.stop()
                    await stand.route(app("hello", new.server()))
                    old = new
            assert load.failures == []
            assert load.good > 300
            await old.stop()

    asyncio.run(main())


def test_growth_under_load() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            assert stand.edge.port
            await stand.route(app("hello", dyno.server()))
            before = await stand.admin.pid()
            async with Load(stand.edge.port, "hello.localhost") as load:
                for number in range(FIRST_SLOTS * 2 + 5):
                    name = f"app-{number}"
                    server = replace(dyno.server(), dyno_id=f"d{number}")
                    await stand.route(app(name, server) if number % 2 else app(name, state="no_web"))
                await asyncio.sleep(0.2)
            assert load.failures == []
            assert load.good > 100
            assert await stand.admin.pid() != before
            assert (await stand.admin.read()).slots == FIRST_SLOTS * 4
            for number in (1, FIRST_SLOTS + 1, FIRST_SLOTS * 2 + 3):
                assert (await get(stand.edge.port, f"app-{number}.localhost"))[0] == 200

    asyncio.run(main())


def test_a_request_under_way_survives_drain_and_growth() -> None:
    async def main() -> None:
        finish = asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
            await finish.wait()
            await say(writer, b"late")

        async with standing() as stand, dynos("web.1", reply=slow) as (old,), dynos("web.1") as (new,):
            assert stand.edge.port
            await stand.route(app("hello", old.server()))
            request = asyncio.create_task(get(stand.edge.port, "hello.localhost"))
            while not old.requests:
                await asyncio.sleep(0.01)
            await stand.route(app("hello", old.server(draining=True), new.server()))
            many = [app(f"app-{number}", state="no_web") for number in range(FIRST_SLOTS)]
            await stand.route(*many)
            for _ in range(3):
                await stand.loop.pass_once()
            assert old.dyno_id not in stand.seen.drained  # the old worker still has its request
            assert (await get(stand.edge.port, "hello.localhost"))[2].startswith(b"web.1 ")
            finish.set()
            assert (await request)[2] == b"late"
            async with asyncio.timeout(5):
                while old.dyno_id not in stand.seen.drained:
                    await asyncio.sleep(0.05)
                    await stand.loop.pass_once()

    asyncio.run(main())


def test_the_only_dyno_restarts() -> None:
    """Requests wait from the old dyno's last to the new one's first."""

    async def main() -> None:
        async with standing() as stand:
            assert stand.edge.port
            old = await Dyno().start()
            await stand.route(app("hello", old.server()))
            async with Load(stand.edge.port, "hello.localhost") as load:
                await asyncio.sleep(0.1)
                await stand.route(app("hello", old.server(draining=True), state="starting"))
                while old.dyno_id not in stand.seen.drained:
                    await asyncio.sleep(0.01)
                    await stand.loop.pass_once()
                await old.stop()
                await stand.route(app("hello", state="starting"))
                await asyncio.sleep(0.5)
                new = await Dyno().start()
                await stand.route(app("hello", new.server()))
                await asyncio.sleep(0.3)
            assert load.failures == []
            assert len(new.requests) > 5
            await new.stop()

    asyncio.run(main())


def test_what_somebody_broke_is_mended() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()), app("other", state="no_web"))
            wanted = await stand.admin.read()
            await stand.admin.ask(f"set server s0/{dyno.server().key} state maint")
            await stand.admin.ask(
                "add server s1/web.1:stranger 127.0.0.1:9; set server s1/web.1:stranger state ready"
            )
            await stand.admin.ask(f"clear map {stand.layout.haproxy}/hosts.map")
            await stand.admin.ask(f"add map {stand.layout.haproxy}/hosts.map evil.localhost s0")
            await stand.admin.do(SetOwner(1, "hello-id", "serving"))
            stand.loop._read_at = -1e9  # as if the resync were due
            await stand.loop.pass_once()
            found = await stand.admin.read()
            assert {key: s.power for key, s in found.servers.pop(1).items()} == {"web.1:stranger": "maint"}
            assert found.servers == wanted.servers
            owners = {host: found.owners[slot] for host, slot in found.hosts.items()}
            assert owners.pop("hello.localhost") == ("hello-id", "serving")
            assert owners == {"other.localhost": ("other-id", "no_web")}

    asyncio.run(main())


def test_servers_of_a_gone_app_are_deleted_after_a_rest() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            now = [0.0]
            stand.loop._clock = lambda: now[0]
            await stand.route(app("hello", dyno.server()))
            stand.table.clear()
            assert await stand.loop.pass_once() <= 10
            found = await stand.admin.read()
            assert found.hosts == {}
            assert [s.power for s in found.servers[0].values()] == ["maint"]
            now[0] = 11.0
            await stand.loop.pass_once()
            found = await stand.admin.read()
            assert (found.servers, found.owners) == ({}, {})

    asyncio.run(main())


def test_a_quiet_pass_is_cheap() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()))
            said: list[str] = []
            real = stand.admin.ask

            async def listen(command: str) -> str:
                said.append(command)
                return await real(command)

            stand.admin.ask = listen  # type: ignore[method-assign]
            for _ in range(5):
                await stand.loop.pass_once()
            assert said == ["show info"] * 5

    asyncio.run(main())


def test_haproxy_died_and_came_back_empty() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            assert stand.edge.port
            assert stand.process
            await stand.route(app("hello", dyno.server()))
            os.kill(await stand.admin.pid(), signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):  # the master goes when its worker dies
                os.kill(stand.process.pid, signal.SIGKILL)
            await stand.process.wait()
            with pytest.raises(Temporary):
                await stand.loop.pass_once()
            await haproxy.start(stand.layout, stand.edge, lambda argv: stand._spawn(argv, None))
            assert (await get(stand.edge.port, "hello.localhost"))[0] == 503  # not 404: it does not know yet
            await stand.loop.pass_once()
            assert (await get(stand.edge.port, "hello.localhost"))[0] == 200
            assert stand.seen == Seen(frozenset({dyno.dyno_id}), frozenset())

    asyncio.run(main())


def test_new_settings_are_taken_over_without_a_gap() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            assert stand.edge.port
            await stand.route(app("hello", dyno.server()))
            async with Load(stand.edge.port, "hello.localhost") as load:
                edge = type(stand.edge)(
                    port=stand.edge.port, http_port=free_port(), addresses=("127.0.0.1",)
                )  # fmt: skip
                await haproxy.start(stand.layout, edge, lambda _: asyncio.sleep(99))
                assert edge.http_port
                assert (await get(edge.http_port, "hello.localhost"))[0] == 200
                await asyncio.sleep(0.2)
            assert load.failures == []

    asyncio.run(main())


CHILD = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from haibun.core.layout import Layout
from haibun.router import haproxy
from haibun.router.config import Edge
from haibun.router.loop import RouterLoop
from haibun.router.table import AppRoutes, RouteTable, Server
from router_stand import Stand, app

async def main():
    layout = Layout(Path(sys.argv[2]) / "d", Path(sys.argv[2]) / "r")
    stand = Stand(layout, Edge(port=int(sys.argv[3]), addresses=("127.0.0.1",)))
    await stand.start()
    await stand.route(app("hello", Server("web.1", "d1", "127.0.0.1", int(sys.argv[4]))))
    print("up", flush=True)
    await asyncio.sleep(99)
asyncio.run(main())
"""


def test_kill_9_of_the_python_side_under_load() -> None:
    async def main() -> None:
        stand = new_stand()
        async with dynos("web.1") as (dyno,):
            port = stand.edge.port
            assert port
            here = os.path.dirname(__file__)
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", textwrap.dedent(CHILD), here, str(stand.layout.data.parent), str(port),
                str(dyno.port), stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert child.stdout
            assert await child.stdout.readline() == b"up\n"
            async with Load(port, "hello.localhost") as load:
                await asyncio.sleep(0.3)
                child.kill()
                await child.wait()
                await asyncio.sleep(0.7)
            assert load.failures == []
            assert load.good > 50
            (stand.layout.run / "router-log.sock").unlink()
            await stand.start()  # adopts
            assert stand.process is None
            await stand.stop()

    asyncio.run(main())


@pytest.mark.root
def test_haproxy_is_nobody_special() -> None:
    """As the platform's user it starts, serves, grows; its keys are for that user only."""
    uid = 65534

    async def main() -> None:
        stand: Stand = new_stand()
        await stand.start(uid)
        try:
            for pid in (stand.process.pid if stand.process else 0, await stand.admin.pid()):
                with open(f"/proc/{pid}/status") as status:
                    lines = status.read().splitlines()
                assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in lines
                assert "CapEff:\t0000000000000000" in lines
            async with dynos("web.1") as (dyno,):
                await stand.route(app("hello", dyno.server()))
                assert stand.edge.port
                assert (await get(stand.edge.port, "hello.localhost"))[0] == 200
            for path in (*stand.layout.certs.iterdir(), stand.layout.ca_key, stand.layout.socket("haproxy-admin")):
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        finally:
            await stand.stop()

    asyncio.run(main())
