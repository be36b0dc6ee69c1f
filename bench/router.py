"""Requests a second through the router, against a bare HAProxy with the same log, in the same run.

Both stand before the same small backend with wrk on the same machine, so only the ratio says something.
Rounds alternate and the best of each counts: a busy neighbour slows a round, nothing speeds one up.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from haibun.core.layout import Layout
from haibun.router import haproxy
from haibun.router.admin import HaproxyAdmin
from haibun.router.config import Edge
from haibun.router.loop import RouterLoop
from haibun.router.ops import Proxy
from haibun.router.table import AppRoutes, RouteTable, Server

ROUNDS = 3
SECONDS = 4
MANY = 10_000

BACKEND = """
global
    nbthread 2
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend backend
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string "Hello, world!"
"""

BARE = """
global
    nbthread 2
    log {log} len 16384 format raw local0
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend bare
    bind 127.0.0.1:{port}
    log global
    log-format "{log_format}"
    default_backend app
backend app
    balance random
    server web.1:d 127.0.0.1:{backend}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def requests_per_second(port: int, host: str) -> float:
    """One round of wrk with 64 connections."""
    argv = ["wrk", "-t1", "-c64", f"-d{SECONDS}s", "-H", f"Host: {host}", f"http://127.0.0.1:{port}/"]
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError("Requests failed:\n" + out)
    match = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if not match:
        raise RuntimeError(out)
    return float(match[1])


def need_wrk() -> None:
    """Install wrk where it is missing (Debian's package of that name)."""
    if shutil.which("wrk") is None:
        subprocess.run(["apt-get", "install", "-y", "wrk"], check=True, stdout=subprocess.DEVNULL)


@contextlib.asynccontextmanager
async def program(argv: list[str], port: int) -> AsyncIterator[None]:
    """A server process, from when it listens."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=haproxy.raise_file_limit
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(argv)
            await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()


def many_apps(backend: int, number: int) -> RouteTable:
    """The app that is asked, among `number` others."""
    server = Server("web.1", "d", "127.0.0.1", backend)
    others = (_other(n) for n in range(number))
    return RouteTable((AppRoutes("id", "hello", ("hello.example.com",), "serving", (server,)), *others))


def _other(n: int) -> AppRoutes:
    servers = (Server("web.1", f"d{n}", "127.0.0.1", 9),)
    return AppRoutes(f"id{n}", f"app{n}", (f"app{n}.example.com",), "serving", servers)


def filled(table: RouteTable) -> Proxy:
    """The model in which every app has its slot already: filling is not what is measured here."""
    from haibun.router.ops import apply
    from haibun.router.plan import plan

    proxy = Proxy(64)
    for op in plan(table, proxy):
        apply(proxy, op)
    return proxy


async def measure() -> list[tuple[str, float]]:
    """(label, requests a second or ratio)."""
    folder = Path(tempfile.mkdtemp(prefix="hb-", dir="/tmp"))
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        return await _measure(folder, log)
    finally:
        log.close()
        shutil.rmtree(folder)


async def _measure(folder: Path, log: socket.socket) -> list[tuple[str, float]]:
    ports = {name: free_port() for name in ("backend", "bare", "http", "one", "many")}
    small = Layout(folder / "d", folder / "r")
    big = Layout(folder / "D", folder / "R")
    for layout in (small, big):
        layout.run.mkdir(parents=True)
    log.bind(str(small.run / "router-log.sock"))
    (big.run / "router-log.sock").symlink_to(small.run / "router-log.sock")
    local = ("127.0.0.1",)
    edge = Edge("example.com", ports["one"], ports["http"], addresses=local, threads=2)
    haproxy.prepare(small, edge)
    haproxy.prepare(big, Edge("example.com", None, ports["many"], addresses=local, threads=2),
                    filled(many_apps(ports["backend"], MANY)))  # fmt: skip
    log_format = re.search(r'log-format "(.*)"', (small.haproxy / "haproxy.cfg").read_text())
    assert log_format
    bare = BARE.format(
        log=small.run / "router-log.sock", port=ports["bare"], backend=ports["backend"], log_format=log_format[1]
    )
    (folder / "bare.cfg").write_text(bare)
    (folder / "backend.cfg").write_text(BACKEND.format(port=ports["backend"]))
    async with contextlib.AsyncExitStack() as stack:
        for name, argv in (
            ("backend", ["haproxy", "-f", str(folder / "backend.cfg")]),
            ("bare", ["haproxy", "-f", str(folder / "bare.cfg")]),
            ("http", haproxy.command(small)),
            ("many", haproxy.command(big)),
        ):
            await stack.enter_async_context(program(argv, ports[name]))
        while not await haproxy.alive(small):  # noqa: ASYNC110 another program, it sends no event
            await asyncio.sleep(0.05)
        table = many_apps(ports["backend"], 0)
        await RouterLoop(HaproxyAdmin(small), edge, lambda: table, lambda _: None).pass_once()
        reader = asyncio.create_task(_drain(log))
        best = dict.fromkeys(("bare", "http", "one", "many"), 0.0)
        for _ in range(ROUNDS):
            for name in best:
                rate = await asyncio.to_thread(requests_per_second, ports[name], "hello.example.com")
                best[name] = max(best[name], rate)
        reader.cancel()
    return [
        ("bare HAProxy, same log, requests/s", best["bare"]),
        ("router, direct port, requests/s", best["http"]),
        ("router, one port, requests/s", best["one"]),
        (f"router, direct port, {MANY} apps, requests/s", best["many"]),
        ("router / bare", best["http"] / best["bare"]),
        (f"router with {MANY} apps / bare", best["many"] / best["bare"]),
    ]


async def _drain(log: socket.socket) -> None:
    """Read the log as logplex would, and throw it away."""
    log.setblocking(False)
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_recv(log, 65536)
        with contextlib.suppress(BlockingIOError):
            while True:
                log.recv(65536)


def run() -> list[tuple[str, float]]:
    """What bench/run.py prints."""
    need_wrk()
    return asyncio.run(measure())


if __name__ == "__main__":
    for label, value in run():
        print(f"{label:50} {value:12.2f}")
