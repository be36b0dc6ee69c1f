"""The HAProxy process of one platform: its files, its start, its reload. It lives on without any of us.

Owns layout.haproxy and the haproxy-* sockets. Never starts a process itself: the caller spawns `command()`
as the unprivileged user, in a session of its own, with CAP_NET_BIND_SERVICE ambient if a port is below 1024.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from haibun.core.errors import Final, Temporary
from haibun.core.layout import Layout
from haibun.router.admin import HaproxyAdmin, ask
from haibun.router.config import FIRST_SLOTS, Edge, config, maps, static_files
from haibun.router.ops import Proxy
from haibun.router.tls import ensure_default_cert, write_crt_list

START_SECONDS = 30.0
FILE_LIMIT = 200_000
"""Descriptors: a connection through the one port and TLS takes six, directly two."""


def command(layout: Layout, program: str = "haproxy") -> list[str]:
    """argv of the master process, which stays in the foreground and starts the worker."""
    master = f"{layout.socket('haproxy-master')},mode,600"
    return [program, "-W", "-S", master, "-f", str(layout.haproxy / "haproxy.cfg")]


def raise_file_limit() -> None:
    """For the child between fork and exec: HAProxy sizes itself by the soft limit it finds."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = FILE_LIMIT if hard == resource.RLIM_INFINITY else min(hard, FILE_LIMIT)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def write(path: Path, text: str) -> None:
    """Replace the file in one step; only our user may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.replace(path)


def prepare(layout: Layout, edge: Edge, proxy: Proxy | None = None) -> None:
    """Write everything that HAProxy reads at a start or reload, with the slots as they are in `proxy`."""
    proxy = proxy or Proxy(slots=FIRST_SLOTS)
    layout.run.mkdir(parents=True, exist_ok=True)
    ensure_default_cert(layout, edge.domain)
    write_crt_list(layout)
    texts = static_files(layout, edge) | maps(proxy) | {"haproxy.cfg": config(layout, edge, proxy)}
    for name, text in texts.items():
        write(layout.haproxy / name, text)
    write(layout.haproxy / "edge.sha256", _digest(layout, edge))


def _digest(layout: Layout, edge: Edge) -> str:
    """Of all that does not depend on apps: when it differs, a running HAProxy needs a reload."""
    texts = static_files(layout, edge) | {"haproxy.cfg": config(layout, edge, Proxy())}
    return hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()


async def check(layout: Layout, program: str = "haproxy") -> None:
    """Have HAProxy read its configuration; Final with its words if it cannot."""
    process = await asyncio.create_subprocess_exec(
        program, "-c", "-q", "-f", str(layout.haproxy / "haproxy.cfg"),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    if process.returncode:
        alerts = [line for line in errors.decode(errors="replace").splitlines() if "ALERT" in line]
        raise Final("haproxy_config", "HAProxy cannot use its configuration: " + " ".join(alerts)[:2000])


async def alive(layout: Layout) -> bool:
    """Whether this platform's HAProxy answers, worker and master both."""
    admin = HaproxyAdmin(layout)
    try:
        return await admin.pid() == (await admin.workers())[0]
    except Temporary:
        return False


async def reload(admin: HaproxyAdmin, edge: Edge, proxy: Proxy) -> None:
    """Take new files into effect without losing a connection; returns when the new worker answers.

    Old workers live until their last request ends, at most an hour, and are told every change meanwhile.
    """
    layout = admin.layout
    prepare(layout, edge, proxy)
    await check(layout)
    before, _ = await admin.workers()
    await ask(layout.socket("haproxy-master"), "reload")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            present, old = await admin.workers()
            if present not in (0, before) and await admin.pid() == present:
                admin.old_workers = old
                return
        except Temporary:
            pass  # the master is between two lives
        await asyncio.sleep(0.02)
    raise Temporary("HAProxy did not finish its reload; the old worker still serves.", after_seconds=5)


async def start(layout: Layout, edge: Edge, spawn: Callable[[list[str]], Awaitable[None]]) -> HaproxyAdmin:
    """Adopt the HAProxy that runs, or have the caller spawn one; it answers when this returns.

    A running one with other settings is reloaded, its apps' servers kept. `spawn` gets the argv and returns
    once the process is on its way; call raise_file_limit() in the child.
    """
    admin = HaproxyAdmin(layout)
    if await alive(layout):
        mark = layout.haproxy / "edge.sha256"
        if not mark.exists() or mark.read_text() != _digest(layout, edge):
            await reload(admin, edge, await admin.read())
        admin.old_workers = (await admin.workers())[1]
        return admin
    prepare(layout, edge)
    await check(layout)
    for name in ("haproxy-admin", "haproxy-master"):
        layout.socket(name).unlink(missing_ok=True)
    await spawn(command(layout))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if await alive(layout):
            return admin
        await asyncio.sleep(0.02)
    raise Final("haproxy_start", f"HAProxy did not start in {START_SECONDS:.0f} s; its log says why.")


async def stop(layout: Layout) -> None:
    """End HAProxy, for `down`: the master and its workers. No error if it is not there."""
    try:
        pid = int((await ask(layout.socket("haproxy-master"), "show proc")).splitlines()[1].split()[0])
    except (Temporary, IndexError, ValueError):
        return
    os.kill(pid, 15)
    deadline = time.monotonic() + START_SECONDS
    while _running(pid) and time.monotonic() < deadline:  # noqa: ASYNC110 another program
        await asyncio.sleep(0.02)


def _running(pid: int) -> bool:
    """Whether the process lives; one that only waits for its parent to notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
