"""What every Driver promises. The same stories on the fake, on crun and conmon, and on those by the socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from haibun.core.errors import Final
from haibun.runtime.driver import Driver
from tests.contracts.machines import (
    CAT,
    DEAF,
    SLEEP,
    FakeMachine,
    Machine,
    OciMachine,
    ended,
    exits,
    gone,
    killed,
    make_tree,
)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("stack"))


@pytest.fixture(
    params=["fake", pytest.param("oci", marks=pytest.mark.root), pytest.param("socket", marks=pytest.mark.root)]
)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    if request.param == "fake":
        yield FakeMachine()
        return
    made = OciMachine(tmp_path, request.getfixturevalue("tree"), by_socket=request.param == "socket")
    try:
        yield made
    finally:
        made.close()
    assert not any(gone(made.config).values())


def test_a_dyno_runs_and_is_listed(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(*SLEEP)
        seen = await driver.start(spec)
        assert (seen.id, seen.app_id, seen.name, seen.kind) == (spec.id, spec.app_id, "web.1", "run")
        assert (seen.state, seen.exit_code, seen.exited_at, seen.oom) == ("running", None, None, False)
        assert seen.ip
        assert await driver.list() == [seen]
        assert (await driver.memory_bytes(spec.id) or 0) > 0

    machine.run(story)


def test_starting_twice_is_starting_once(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(*SLEEP)
        first, second = await asyncio.gather(driver.start(spec), driver.start(spec))
        assert first == second == await driver.start(spec)
        assert len(await driver.list()) == 1

    machine.run(story)


@pytest.mark.parametrize(("argv", "code"), [(exits(0), 0), (exits(7), 7), (killed(9), 137)])
def test_exit_codes_are_those_of_the_shell(machine: Machine, argv: tuple[str, ...], code: int) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(*argv)
        started = await driver.start(spec)
        seen = await ended(driver, spec)
        assert seen.exit_code == code
        assert seen.exited_at >= started.started_at - 1
        assert not seen.oom

    machine.run(story)


def test_changes_tell_of_an_exit(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        changes = driver.changes()
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.2)
        spec = machine.spec(*exits(7))
        await driver.start(spec)
        async with asyncio.timeout(10):
            seen = await first
        assert (seen.id, seen.exit_code) == (spec.id, 7)
        await changes.aclose()

    machine.run(story)


def test_stop_honours_term(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(*SLEEP)
        await driver.start(spec)
        await asyncio.sleep(0.3)
        started = asyncio.get_running_loop().time()
        seen = await driver.stop(spec.id, 20)
        assert seen
        assert (seen.state, seen.exit_code) == ("exited", 143)
        assert asyncio.get_running_loop().time() - started < 10

    machine.run(story)


def test_stop_kills_after_the_grace(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(*DEAF)
        await driver.start(spec)
        await asyncio.sleep(0.3)
        started = asyncio.get_running_loop().time()
        seen = await driver.stop(spec.id, 0.5)
        assert seen
        assert (seen.state, seen.exit_code) == ("exited", 137)
        assert 0.4 < asyncio.get_running_loop().time() - started < 10

    machine.run(story)


def test_signal_reaches_the_dyno(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(*SLEEP)
        await driver.start(spec)
        await asyncio.sleep(0.3)
        await driver.signal(spec.id, 1)
        assert (await ended(driver, spec)).exit_code == 129

    machine.run(story)


def test_what_is_gone_is_no_error(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        nobody = machine.spec(*SLEEP).id
        await driver.signal(nobody, 15)
        await driver.resize(nobody, 10, 10)
        await driver.remove(nobody)
        assert await driver.stop(nobody, 1) is None
        assert await driver.memory_bytes(nobody) is None
        for call in (driver.attach(nobody), driver.listening(nobody, 80), driver.seal(nobody, nobody)):
            with pytest.raises(Final):
                await call

    machine.run(story)


def test_exited_dynos_are_listed_until_removed(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(*exits(0))
        await driver.start(spec)
        seen = await ended(driver, spec)
        assert await driver.stop(spec.id, 5) == seen
        assert await driver.start(spec) == seen
        await driver.remove(spec.id)
        await driver.remove(spec.id)
        assert await driver.list() == []

    machine.run(story)


def test_remove_ends_a_running_dyno(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(*DEAF)
        await driver.start(spec)
        await driver.remove(spec.id)
        assert await driver.list() == []

    machine.run(story)


def test_dynos_outlive_the_driver(machine: Machine) -> None:
    stays, ends = machine.spec(*SLEEP), machine.spec(*exits(7), name="run.1")

    async def before(driver: Driver) -> None:
        await driver.start(stays)
        await driver.start(ends)
        await ended(driver, ends)

    async def after(driver: Driver) -> None:
        seen = {dyno.id: dyno for dyno in await driver.list()}
        assert seen.keys() == {stays.id, ends.id}
        assert (seen[stays.id].state, seen[ends.id].state) == ("running", "exited")
        assert seen[ends.id].exit_code == 7
        assert await driver.start(stays) == seen[stays.id]
        stopped = await driver.stop(stays.id, 20)
        assert stopped
        assert stopped.exit_code == 143

    machine.run(before, after)


def test_attach_carries_bytes_both_ways(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        loop = asyncio.get_running_loop()
        spec = machine.spec(*CAT, name="run.1", stdin=True)
        await driver.start(spec)
        with await driver.attach(spec.id) as stream:
            stream.setblocking(False)
            payload = bytes(range(256)) * 400
            sending = asyncio.create_task(loop.sock_sendall(stream, payload))
            async with asyncio.timeout(20):
                assert await read(stream, len(payload)) == payload
            await sending
            stream.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(20):
                assert await loop.sock_recv(stream, 100) == b""
        assert (await ended(driver, spec)).exit_code == 0

    machine.run(story)


async def read(stream: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := await asyncio.get_running_loop().sock_recv(stream, 65536)):
        data += more
    return data


HOSTILE = [
    "",
    "..",
    "../../etc",
    "/etc/passwd",
    "a-" * 18,
    "A0000000-0000-0000-0000-000000000000",
    "x\0y",
    "web.1\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_ids_are_refused(machine: Machine, text: str) -> None:
    async def story(driver: Driver) -> None:
        good = machine.spec(*SLEEP)
        build = replace(good, kind="build", build_dir="/app")
        specs = [replace(good, **{field: text}) for field in ("id", "app_id", "name", "stack", "slug_id")]
        specs += [replace(build, **{field: text}) for field in ("source_id", "cache_id", "build_dir")]
        specs += [replace(build, env_dir={text: "x"})]
        for spec in specs:
            with pytest.raises(Final):
                await driver.start(spec)
        for call in (driver.signal(text, 9), driver.stop(text, 0), driver.remove(text), driver.attach(text)):
            with pytest.raises(Final):
                await call
        with pytest.raises(Final):
            await driver.seal(good.id, text)
        assert await driver.list() == []

    machine.run(story)


def test_nonsense_is_refused(machine: Machine) -> None:
    async def story(driver: Driver) -> None:
        good = machine.spec(*SLEEP)
        for spec in (
            replace(good, argv=()),
            replace(good, argv=("a\0b",)),
            replace(good, env={"A=B": "x"}),
            replace(good, env={"A": "x\0"}),
            replace(good, uid_base=0),
            replace(good, uid_base=2**32),
            replace(good, limits=replace(good.limits, memory_mb=-1)),
            replace(good, kind="build"),
            replace(good, slug_id="11111111-1111-1111-1111-111111111111", kind="build", build_dir="/app"),
        ):
            with pytest.raises(Final):
                await driver.start(spec)

    machine.run(story)
