"""The builder in the build dyno that the platform's own driver makes; its slug in a dyno."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import stage

sys.path.insert(0, str(Path(__file__).parents[3]))  # so that tests.contracts can be imported from here

from haibun.runtime.driver import Driver, DynoSpec
from tests.contracts.machines import STACK, OciMachine, ended

pytestmark = pytest.mark.root
BUILD_DIR = "/tmp/build_0a1b2c3d"
COMMAND = 'for f in .profile.d/*.sh; do . "$f"; done; python app.py; pip list'


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[OciMachine]:
    made = OciMachine(tmp_path, stage.STACKS / "debian-14.build")
    run = made.layout.stacks / f"{STACK}.run"
    run.unlink()
    run.symlink_to(stage.STACKS / "debian-14.run")
    made.config = dataclasses.replace(made.config, build_tools=stage.REPOSITORY / "buildpacks", ca_bundle=None)
    yield made
    made.close()


def build_spec(machine: OciMachine, source: bytes) -> DynoSpec:
    name = str(uuid.uuid4())
    path = machine.layout.sources / f"{name}.tar"
    path.write_bytes(source)
    path.chmod(0o600)
    os.chown(path, *machine.config.log_owner)
    env = {
        "PATH": stage.PATH,
        "HOME": "/app",
        "STACK": "debian-14",
        "BUILD_DIR": BUILD_DIR,
        "CACHE_DIR": "/cache",
        "ENV_DIR": "/env",
        "HAIBUN_BUILDPACKS": "[]",
    }
    return machine.spec(
        *("/usr/bin/python3", "-I", "/haibun/build"),
        name="run.1",
        kind="build",
        source_id=name,
        cache_id=machine.app_id,
        build_dir=BUILD_DIR,
        env=env,
        env_dir={"COLOUR": "teal"},
    )


def test_from_source_to_a_dyno(machine: OciMachine) -> None:
    source = stage.tar_of(
        {
            ".python-version": "3.14\n",
            "requirements.txt": "",
            "app.py": "import sys\nprint(sys.prefix, flush=True)\n",
            "Procfile": "web: python app.py\n",
            "bin/post_compile": "#!/bin/bash\necho colour $COLOUR uid $UID; python app.py",
        }
    )

    async def story(driver: Driver) -> None:
        for expected in ("-----> Installing Python 3.14.", "-----> Restoring cache\n"):
            build, slug = build_spec(machine, source), str(uuid.uuid4())
            await driver.start(build)
            seen = await ended(driver, build)
            await asyncio.sleep(0.05)
            text = machine.text(build)
            assert seen.exit_code == 0, text
            assert expected in text
            assert "       colour teal uid 1000\n       /app/.heroku/python\n" in text
            sealed = await driver.seal(build.id, slug)
            assert json.loads(sealed.result)["process_types"] == {"web": "python app.py"}
            await driver.remove(build.id)
        run = machine.spec("/bin/bash", "-c", COMMAND, slug_id=slug, env={"PATH": stage.PATH, "HOME": "/app"})
        await driver.start(run)
        await ended(driver, run)
        await asyncio.sleep(0.05)
        assert machine.text(run).startswith("/app/.heroku/python\npip is not installed here")

    machine.run(story)
