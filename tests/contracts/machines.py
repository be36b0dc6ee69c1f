"""Machines on which the contract of Driver is tried: the fake, the real one, the real one by its socket.

The real ones use a small root tree made of this host's own programs, so that they need no stack image.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from haibun.core.layout import Layout
from haibun.runtime.client import RemoteDriver
from haibun.runtime.driver import Driver, DynoSpec
from haibun.runtime.fake import Behaviour, FakeDriver, FakeDyno
from haibun.runtime.oci import OciConfig, OciDriver
from haibun.runtime.server import RuntimeServer
from haibun.runtime.sweep import teardown

UID_BASE = 1_000_000 + 65_536 * 40
STACK = "test-1"
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
Story = Callable[[Driver], Awaitable[None]]

SLEEP = ("sleep", "60")
CAT = ("cat",)
DEAF = ("sh", "-c", "trap '' TERM; while true; do sleep 0.1; done")
POLITE = ("sh", "-c", "trap 'exit 9' TERM; while true; do sleep 0.05; done")


def exits(code: int) -> tuple[str, ...]:
    return ("sh", "-c", f"exit {code}")


def killed(number: int) -> tuple[str, ...]:
    return ("sh", "-c", f"sh -c 'kill -{number} $$'; exit $?")


FAKE_BEHAVIOUR = {
    SLEEP: Behaviour(),
    CAT: Behaviour(echoes=True),
    DEAF: Behaviour(ignores_term=True),
    exits(0): Behaviour(0, after_seconds=0.01),
    exits(7): Behaviour(7, after_seconds=0.01),
    killed(9): Behaviour(137, after_seconds=0.01),
}


class Machine:
    """Runs stories: an open driver each, and nothing left afterwards."""

    def __init__(self) -> None:
        self.app_id = str(uuid.uuid4())

    def spec(self, *argv: str, **changes: Any) -> DynoSpec:
        fields: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "app_id": self.app_id,
            "name": "web.1",
            "kind": "run",
            "stack": STACK,
            "uid_base": UID_BASE,
            "argv": argv,
            "env": ENV,
        }
        return DynoSpec(**(fields | changes))

    def run(self, *stories: Story) -> None:
        """Each story with a new driver on the same machine: between two of them the runtime was restarted."""
        asyncio.run(self._all(stories))

    async def _all(self, stories: tuple[Story, ...]) -> None:
        async with asyncio.timeout(120):
            for number, story in enumerate(stories):
                async with AsyncExitStack() as stack:
                    driver = await self.driver(stack)
                    try:
                        await story(driver)
                    finally:
                        if number == len(stories) - 1:
                            for seen in await driver.list():
                                await driver.remove(seen.id)

    async def driver(self, stack: AsyncExitStack) -> Driver:
        raise NotImplementedError

    def close(self) -> None:
        pass


class FakeMachine(Machine):
    def __init__(self) -> None:
        super().__init__()
        self._dynos: dict[str, FakeDyno] = {}

    async def driver(self, stack: AsyncExitStack) -> Driver:
        return FakeDriver(lambda spec: FAKE_BEHAVIOUR[spec.argv], machine=self._dynos)


class OciMachine(Machine):
    """The real one. `folder` must be root's own, and on a disk that overlays can be written to."""

    def __init__(self, folder: Path, tree: Path, by_socket: bool = False) -> None:
        super().__init__()
        self.layout = Layout(folder / "data", folder / "run")
        self._by_socket = by_socket
        for made in (self.layout.stacks, self.layout.sources, self.layout.run, folder / "tools"):
            made.mkdir(parents=True)
        for kind in ("run", "build"):
            (self.layout.stacks / f"{STACK}.{kind}").symlink_to(tree)
        (folder / "tools/hello").write_text("a tool\n")
        (folder / "ca.pem").write_text("certificates\n")
        self.config = OciConfig(
            layout=self.layout,
            subnet=IPv4Network("10.254.240.0/24"),
            build_tools=folder / "tools",
            platform_id="t" + uuid.uuid4().hex[:8],
            log_owner=(65533, 65533),
            ca_bundle=folder / "ca.pem",
            resolvers=("192.0.2.53",),
            spare_networks=2,
        )

    async def driver(self, stack: AsyncExitStack) -> Driver:
        driver = await stack.enter_async_context(OciDriver(self.config))
        if not self._by_socket:
            return driver
        path = self.layout.socket("runtime")
        await stack.enter_async_context(RuntimeServer(driver, path))
        remote = RemoteDriver(path)
        stack.push_async_callback(remote.close)
        return remote

    def output(self, spec: DynoSpec) -> Path:
        return self.layout.output / spec.app_id / f"{spec.name}.{spec.id}.log"

    def text(self, spec: DynoSpec) -> str:
        """What the dyno wrote, without conmon's heads."""
        lines = self.output(spec).read_text().splitlines()
        words = [line.split(" ", 3) for line in lines]
        return "".join(word[3] + ("\n" if word[2] == "F" else "") for word in words)

    def close(self) -> None:
        teardown(self.config, grace_seconds=0.2)


async def ended(driver: Driver, spec: DynoSpec, seconds: float = 20) -> Any:
    """The dyno as it is listed once it has exited."""
    async with asyncio.timeout(seconds):
        while True:
            for seen in await driver.list():
                if seen.id == spec.id and seen.state == "exited":
                    return seen
            await asyncio.sleep(0.01)


def make_tree(folder: Path) -> Path:
    """A root tree of this host's programs and the libraries they need, for dynos of tests."""
    tree = folder / "tree"
    for name in "app cache dev env etc haibun proc result sys usr/bin".split():
        (tree / name).mkdir(parents=True)
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    (tree / "bin").symlink_to("usr/bin")
    programs = "sh cat sleep stty id ls env grep head mkdir touch".split()
    found = [str(shutil.which(name)) for name in programs]
    for path in found:
        _copy_program(Path(path), tree, f"/usr/bin/{Path(path).name}")
    if init := shutil.which("tini"):
        _copy_program(Path(init), tree, "/usr/bin/tini")
    _copy_python(tree)
    return tree


def _copy_program(path: Path, tree: Path, where: str) -> None:
    shutil.copy(path, f"{tree}{where}")
    for library in _libraries(path):
        target = Path(f"{tree}{library}")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)


def _libraries(path: Path) -> list[str]:
    done = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False)
    return [word for line in done.stdout.splitlines() for word in line.split() if word.startswith("/")]


def _copy_python(tree: Path) -> None:
    """This interpreter and its own library, at the same paths."""
    program = Path(os.path.realpath(sys.executable))
    where = Path(f"{tree}{program}")
    where.parent.mkdir(parents=True, exist_ok=True)
    _copy_program(program, tree, str(program))
    if program != Path("/usr/bin/python3"):
        (tree / "usr/bin/python3").symlink_to(program)
    library = sysconfig.get_path("stdlib")
    skip = shutil.ignore_patterns(
        "test", "tests", "site-packages", "dist-packages", "idlelib", "ensurepip", "config-*"
    )
    shutil.copytree(library, f"{tree}{library}", ignore=skip, symlinks=True, dirs_exist_ok=True)
    for extension in Path(library).glob("lib-dynload/*.so"):
        for name in _libraries(extension):
            if not Path(f"{tree}{name}").exists():
                shutil.copy(name, f"{tree}{name}")


def traces(config: OciConfig) -> dict[str, list[str]]:
    """What of a platform is on this machine: mounts, links, cgroups, loop devices, processes."""
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if _mentions(line, config)]
    links = [name for name in os.listdir("/sys/class/net") if name.startswith(config.link_prefix)]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{config.cgroup}/*-*-*-*-*")]
    loops = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            text = backing.read_text()
        except OSError:
            continue
        if _mentions(text, config):
            loops.append(text)
    processes = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = command.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text.startswith(("/usr/bin/conmon", "/usr/bin/crun")) and _mentions(text, config):
            processes.append(text)
    return {"mounts": mounts, "links": links, "cgroups": groups, "loops": loops, "processes": processes}


def _mentions(text: str, config: OciConfig) -> bool:
    return str(config.layout.data) in text or str(config.folder) in text


def gone(config: OciConfig, seconds: float = 5) -> dict[str, list[str]]:
    """The traces left once the kernel had time to take away what it does in the background."""
    deadline = time.monotonic() + seconds
    while any((left := traces(config)).values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
