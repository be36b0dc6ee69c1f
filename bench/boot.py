"""What the platform adds to the start of a dyno: from the driver's start() to the program's first instruction,
beside crun alone on a bundle that was prepared before, with the same root tree, user and filter.

The program writes one line; conmon notes when it came, which is the clock of ours. crun's line comes by a pipe.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
import uuid
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bench.report import Row, median, percentile
from haibun.runtime.driver import Driver, DynoSpec
from haibun.runtime.oci import OciConfig, bundle, cgroups
from haibun.runtime.oci.private_mounts import PrivateMounts
from tests.contracts.machines import OciMachine, make_tree

STACK_TREE = Path("/var/lib/haibun/stacks/debian-14.run")
ARGV = ("sh", "-c", "echo here")
HEAD_BYTES = 35
"""`2026-11-23T23:00:00.123456789+00:00`"""


def rows(quick: bool) -> list[Row]:
    boots = 40 if quick else 200
    with tempfile.TemporaryDirectory(prefix="haibun-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        tree = STACK_TREE if STACK_TREE.is_dir() else make_tree(folder)
        bare = _bare(folder, tree, boots)
        ours = _ours(folder, tree, boots)
        docker = _docker(tree, max(boots // 10, 5))
    note = f"{boots} boots; bare part: crun alone, prepared bundle, no network, no cgroup, output by a pipe"
    found = [
        Row("dyno boot, median", median(ours), "ms", median(bare), aim=25, note=note),
        Row("dyno boot, p99", percentile(ours, 0.99), "ms", percentile(bare, 0.99), aim=60),
        Row("dyno boot, beside crun", median(ours) - median(bare), "ms", note="medians: ours less the bare part"),
    ]
    if docker:
        found.append(Row("dyno boot, beside docker run", median(ours), "ms", median(docker)))
    return found


def _ours(folder: Path, tree: Path, boots: int) -> list[float]:
    machine = OciMachine(folder / "machine", tree)
    # The platform's own number of networks made ahead.
    machine.config = replace(machine.config, spare_networks=OciConfig.spare_networks)
    slug_id = _slug(machine.layout.slugs, folder)
    times: list[float] = []

    async def story(driver: Driver) -> None:
        await asyncio.sleep(0.5)  # networks are made ahead
        for _ in range(boots + 3):
            times.append(await _boot(driver, machine, machine.spec(*ARGV, slug_id=slug_id)))

    try:
        machine.run(story)
    finally:
        machine.close()
    return times[3:]


async def _boot(driver: Driver, machine: OciMachine, spec: DynoSpec) -> float:
    """Milliseconds of one boot."""
    began = time.time()
    await driver.start(spec)
    output = machine.output(spec)
    async with asyncio.timeout(20):
        while not (line := output.read_text()):  # noqa: ASYNC110 a file tells nothing
            await asyncio.sleep(0.002)
    await driver.stop(spec.id, 5)
    await driver.remove(spec.id)
    return (_unix(line[:HEAD_BYTES]) - began) * 1000


def _unix(text: str) -> float:
    """Unix seconds of conmon's time; datetime knows microseconds, conmon nanoseconds."""
    return datetime.fromisoformat(text[:26] + text[29:]).timestamp()


def _slug(slugs: Path, folder: Path) -> str:
    """A small slug."""
    slug_id, app = str(uuid.uuid4()), folder / "app"
    app.mkdir()
    (app / "Procfile").write_text("web: sh\n")
    slugs.mkdir(parents=True, exist_ok=True)
    command = ["mksquashfs", str(app), str(slugs / f"{slug_id}.squashfs"), "-quiet", "-no-progress"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return slug_id


def _bundle(folder: Path, tree: Path) -> Path:
    """A bundle as the driver would make it, on the bare tree and in the host's network."""
    machine = OciMachine(folder / "bare", tree)
    spec = machine.spec(*ARGV)
    config = bundle.config(spec, bundle.Place(str(tree), "", (tree / bundle.INIT[1:]).exists()))
    config["linux"]["namespaces"] = [kind for kind in config["linux"]["namespaces"] if kind["type"] != "network"]
    config["root"]["readonly"] = True
    config["process"]["cwd"] = "/"
    made = folder / "bundle"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(config))
    return made


def _bare(folder: Path, tree: Path, boots: int) -> list[float]:
    """Milliseconds from starting crun to its program's line."""
    staging = folder / "staging"
    staging.mkdir()
    # As the runtime does: crun 1.8 refuses a host with both kinds of cgroups in sight.
    mounts = PrivateMounts(staging, hybrid=cgroups.find().mode == "hybrid", threads=1)
    command = ["crun", f"--root={folder / 'crun'}", "--cgroup-manager=disabled", "run", "--bundle"]
    try:
        made = str(_bundle(folder, tree))
        return [mounts.run(_first_line, [*command, made, f"bench{number}"]) for number in range(boots + 3)][3:]
    finally:
        mounts.close()


def _first_line(command: list[str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        line = process.stdout.readline()
        took = time.perf_counter() - began
        if not line:
            raise RuntimeError(f"{command[0]} did not run the program: {process.stderr.read().decode()}")
        process.stdout.read()
    return took * 1000


def _docker(tree: Path, boots: int) -> list[float]:
    """The same by `docker run`; nothing where no docker daemon answers."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        return []
    name = "haibun-bench"
    with subprocess.Popen(["tar", "-c", "-C", str(tree), "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["docker", "import", "-", name], stdin=tar.stdout, check=True, stdout=subprocess.DEVNULL)
    try:
        return [_first_line(["docker", "run", "--rm", name, *ARGV]) for _ in range(boots)]
    finally:
        subprocess.run(["docker", "rmi", name], check=False, stdout=subprocess.DEVNULL)
