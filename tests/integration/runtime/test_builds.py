"""From a source to a slug to a dyno that runs it, on the real machine."""

from __future__ import annotations

import asyncio
import os
import tarfile
import uuid
from hashlib import sha256

import pytest

from haibun.core.errors import Final
from haibun.runtime.driver import Driver, DynoSpec
from tests.contracts.machines import UID_BASE, OciMachine, ended, exits

pytestmark = pytest.mark.root

BUILD = """
set -e
cat /haibun/hello /env/SECRET
head -c 5 /source.tar
echo
echo cached >> /cache/count
cat /cache/count
echo 'echo from the slug' > $BUILD_DIR/start
ls -ld $BUILD_DIR
echo '{"types": {}}' > /result/build.json
"""


def build_spec(machine: OciMachine, script: str = BUILD, **changes: object) -> DynoSpec:
    source = str(uuid.uuid4())
    path = machine.layout.sources / f"{source}.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("hello"))
    path.chmod(0o600)
    os.chown(path, 65533, 65533)
    fields: dict[str, object] = {
        "name": "run.1",
        "kind": "build",
        "source_id": source,
        "cache_id": machine.app_id,
        "build_dir": "/tmp/build_1",
        "env": {"PATH": "/usr/bin", "BUILD_DIR": "/tmp/build_1"},
        "env_dir": {"SECRET": "s3cret\n"},
    }
    return machine.spec("sh", "-c", script, **(fields | changes))


def test_a_build_becomes_a_slug_that_runs(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        build, slug = build_spec(machine), str(uuid.uuid4())
        await driver.start(build)
        seen = await ended(driver, build)
        await asyncio.sleep(0.05)
        text = machine.text(build)
        assert seen.exit_code == 0, text
        assert text.startswith("a tool\ns3cret\nhello\ncached\n")
        sealed = await driver.seal(build.id, slug)
        image = machine.layout.slugs / f"{slug}.squashfs"
        assert sealed.checksum == f"SHA256:{sha256(image.read_bytes()).hexdigest()}"
        assert (sealed.slug_id, sealed.size_bytes) == (slug, image.stat().st_size)
        assert sealed.result == '{"types": {}}\n'
        assert (image.stat().st_uid, image.stat().st_mode & 0o777) == (0, 0o644)
        assert await driver.seal(build.id, slug) == sealed
        await driver.remove(build.id)
        run = machine.spec("sh", "-c", "sh start; touch new && ls -ln", slug_id=slug)
        await driver.start(run)
        await ended(driver, run)
        await asyncio.sleep(0.05)
        assert machine.text(run).startswith("from the slug\n")
        assert " 1000 1000 " in machine.text(run).splitlines()[-1]

    machine.run(story)


def test_the_cache_stays_between_builds(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        for _ in range(2):
            build = build_spec(machine)
            await driver.start(build)
            await ended(driver, build)
            await driver.remove(build.id)
        cache = machine.layout.build_cache / machine.app_id
        assert (cache / "count").read_text() == "cached\ncached\n"
        assert cache.stat().st_uid == UID_BASE + 1000

    machine.run(story)


def test_only_an_ended_build_is_sealed(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        build, run = build_spec(machine, "sleep 60"), machine.spec(*exits(0))
        await driver.start(build)
        await driver.start(run)
        await ended(driver, run)
        for dyno in (build, run):
            with pytest.raises(Final):
                await driver.seal(dyno.id, str(uuid.uuid4()))
        assert list(machine.layout.slugs.iterdir()) == []

    machine.run(story)


@pytest.mark.parametrize(
    "script",
    [
        "ln -s /etc/passwd /result/build.json",
        "mkfifo /result/build.json 2>/dev/null || true",
        "mkdir /result/build.json",
    ],
)
def test_a_hostile_result_is_no_result(machine: OciMachine, script: str) -> None:
    async def story(driver: Driver) -> None:
        build = build_spec(machine, script)
        await driver.start(build)
        await ended(driver, build)
        assert (await driver.seal(build.id, str(uuid.uuid4()))).result == ""

    machine.run(story)


def test_a_source_that_is_a_link_is_refused(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        build = build_spec(machine)
        path = machine.layout.sources / f"{build.source_id}.tar"
        path.unlink()
        path.symlink_to("/etc/hostname")
        with pytest.raises(Final, match="source"):
            await driver.start(build)
        assert await driver.list() == []

    machine.run(story)


def test_a_missing_slug_or_stack_is_final(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        with pytest.raises(Final, match="no slug"):
            await driver.start(machine.spec("true", slug_id=str(uuid.uuid4())))
        with pytest.raises(Final, match="not installed"):
            await driver.start(machine.spec("true", stack="nowhere-1"))

    machine.run(story)
