"""A runtime that is killed, restarted, replaced; links laid as traps; the end of a platform."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from haibun.core.errors import Final, Temporary
from haibun.runtime.client import RemoteDriver
from haibun.runtime.driver import Driver
from haibun.runtime.fake import FakeDriver
from haibun.runtime.server import RuntimeServer
from haibun.runtime.sweep import teardown
from tests.contracts.machines import SLEEP, OciMachine, ended, exits, gone, traces

pytestmark = pytest.mark.root

PROCESS = """
import asyncio, pickle, sys
from haibun.runtime.oci import OciDriver
config, specs = pickle.load(sys.stdin.buffer)
async def main():
    async with OciDriver(config) as driver:
        for spec in specs:
            await driver.start(spec)
        print("started", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def test_a_killed_runtime_leaves_its_dynos_to_the_next(machine: OciMachine) -> None:
    import pickle

    stays, ends = machine.spec(*SLEEP), machine.spec("sh", "-c", "sleep 0.5; exit 7", name="web.2")
    process = subprocess.Popen([sys.executable, "-c", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    process.stdin.write(pickle.dumps((machine.config, [stays, ends])))
    process.stdin.close()
    assert process.stdout.readline() == b"started\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert traces(machine.config)["mounts"] == []

    async def after(driver: Driver) -> None:
        assert (await ended(driver, ends)).exit_code == 7
        running = {seen.id: seen.state for seen in await driver.list()}
        assert running == {stays.id: "running", ends.id: "exited"}
        stopped = await driver.stop(stays.id, 10)
        assert stopped
        assert stopped.exit_code == 143

    machine.run(after)


def test_a_broken_start_is_swept(machine: OciMachine) -> None:
    leftover = machine.layout.dynos / str(uuid.uuid4())

    async def before(driver: Driver) -> None:
        leftover.mkdir()
        (leftover / "spec.json").write_text("{")

    async def after(driver: Driver) -> None:
        assert not leftover.exists()
        assert await driver.list() == []

    machine.run(before, after)


def test_a_dyno_whose_watcher_was_killed_is_still_seen_to_end(machine: OciMachine) -> None:
    spec = machine.spec(*SLEEP)

    async def story(driver: Driver) -> None:
        await driver.start(spec)
        os.kill(int((machine.layout.dynos / spec.id / "conmon.pid").read_text()), signal.SIGKILL)
        seen = await driver.stop(spec.id, 0)
        assert seen
        assert seen.exit_code == 137

    machine.run(story)


def test_output_does_not_follow_links(machine: OciMachine, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")

    async def story(driver: Driver) -> None:
        spec = machine.spec(*exits(0))
        folder = machine.layout.output / spec.app_id
        folder.mkdir(parents=True)
        (folder / f"{spec.name}.{spec.id}.log").symlink_to(target)
        with pytest.raises(Temporary):
            await driver.start(spec)
        assert await driver.list() == []

    machine.run(story)
    assert target.read_text() == "precious"


def test_folders_that_others_may_change_are_refused(machine: OciMachine) -> None:
    machine.layout.data.chmod(0o777)
    with pytest.raises(Final, match="must belong to root"):
        machine.run(lambda _: asyncio.sleep(0))


def test_teardown_ends_everything_and_may_be_said_twice(machine: OciMachine) -> None:
    from haibun.runtime.oci import OciDriver

    async def leave_running() -> None:
        async with OciDriver(machine.config) as driver:
            for _ in range(3):
                await driver.start(machine.spec(*SLEEP))

    asyncio.run(leave_running())
    assert len(traces(machine.config)["processes"]) == 3
    teardown(machine.config, dynos=False)
    assert len(traces(machine.config)["processes"]) == 3
    for _ in range(2):
        teardown(machine.config, grace_seconds=5)
        assert not any(gone(machine.config).values())
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
        assert machine.config.table not in tables
        assert not machine.config.folder.exists()
    assert list(machine.layout.output.glob("*/*.log"))


def test_strangers_are_not_heard(tmp_path: Path) -> None:
    """A user who may open the socket but is not the platform's gets no answer."""
    code = "import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
    code += 's.sendall(b\'{"type":"list","id":1}\\n\'); print(s.recv(100))'
    folder = Path(f"/tmp/haibun-test-{uuid.uuid4().hex[:8]}")
    folder.mkdir(mode=0o755)
    path = folder / "runtime.sock"

    async def answer_to(uid: int) -> bytes:
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/python3",
            "-c",
            code,
            str(path),
            stdout=asyncio.subprocess.PIPE,
            user=uid,
            group=65533,
            cwd="/",
        )
        out, _ = await process.communicate()
        return out

    async def story() -> None:
        async with RuntimeServer(FakeDriver(), path, allowed_uids={65533}, group=65533):
            assert b"result" in await answer_to(65533)
            assert b"result" not in await answer_to(65532)

    try:
        asyncio.run(story())
    finally:
        folder.rmdir()


def test_a_remote_driver_waits_out_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "runtime.sock"

    async def story() -> None:
        remote = RemoteDriver(path)
        with pytest.raises(Temporary):
            await remote.list()
        async with RuntimeServer(FakeDriver(), path):
            assert await remote.list() == []
        with pytest.raises(Temporary):
            await remote.list()
        async with RuntimeServer(FakeDriver(), path):
            assert await remote.list() == []
            await remote.close()

    asyncio.run(story())
