"""One platform for all end-to-end tests of a run, and proof that it leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform, free_port


def leftovers(platform_id: str) -> list[str]:
    """Mounts, links, tables, cgroups and processes that name the platform."""
    link = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout
    table = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout
    cgroups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/*{platform_id}*")]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if platform_id in line]
    prefix = "hb" + hashlib.sha256(platform_id.encode()).hexdigest()[:6]
    links = [line for line in link.splitlines() if prefix in line]
    return mounts + links + [line for line in table.splitlines() if platform_id in line] + cgroups


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    (folder / "home").mkdir()
    made = Platform(folder / "data", folder / "home", free_port(), settings={"HAIBUN_BOOT_TIMEOUT": "6"})
    made.up()
    try:
        yield made
    finally:
        made.down("--dynos")
    platform_id = json.loads((made.data_dir / "settings.json").read_text())["id"]
    assert leftovers(platform_id) == []
