"""A real HAProxy with real dynos-to-be behind it: small HTTP servers in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from haibun.core.layout import Layout
from haibun.router import haproxy
from haibun.router.config import Edge
from haibun.router.loop import RouterLoop, Seen
from haibun.router.table import AppRoutes, RouteTable, Server

Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def say(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()


class Dyno:
    """Answers every request with its name, keeps connections open, and counts what is under way."""

    def __init__(self, name: str = "web.1", reply: Reply | None = None, socket_path: Path | None = None) -> None:
        self.name, self.dyno_id, self.port = name, str(uuid.uuid4()), 0
        self.requests: list[bytes] = []
        self._reply = reply
        self._path = socket_path
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> Dyno:
        if self._path:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path))
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), 1)

    def server(self, *, draining: bool = False) -> Server:
        return Server(self.name, self.dyno_id, "127.0.0.1", self.port, draining)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(request)
                if self._reply:
                    await self._reply(reader, writer, request)
                else:
                    await say(writer, self.name.encode() + b" " + self.dyno_id.encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


@dataclass
class Stand:
    """One platform's router. `table` is what the platform wants; route() changes it and makes a pass."""

    layout: Layout
    edge: Edge
    process: asyncio.subprocess.Process | None = None
    table: dict[str, AppRoutes] = field(default_factory=dict)
    seen: Seen = field(default_factory=lambda: Seen(frozenset(), frozenset()))
    lines: list[str] = field(default_factory=list)

    async def start(self, uid: int | None = None) -> None:
        self._listen()
        self.admin = await haproxy.start(self.layout, self.edge, lambda argv: self._spawn(argv, uid))
        self.loop = RouterLoop(self.admin, self.edge, self.snapshot, self._report)
        await self.loop.pass_once()

    def snapshot(self) -> RouteTable:
        return RouteTable(tuple(self.table.values()))

    async def route(self, *apps: AppRoutes) -> None:
        self.table |= {app.app_id: app for app in apps}
        await self.loop.pass_once()

    async def stop(self) -> None:
        await haproxy.stop(self.layout)
        if self.process:
            await self.process.wait()
        asyncio.get_running_loop().remove_reader(self._log.fileno())
        self._log.close()
        shutil.rmtree(self.layout.data.parent)

    async def line(self, number: int = 0) -> str:
        """The raw record with that number, once it is there."""
        async with asyncio.timeout(5):
            while len(self.lines) <= number:
                await asyncio.sleep(0.01)
        return self.lines[number]

    def _report(self, seen: Seen) -> None:
        self.seen = seen

    def _listen(self) -> None:
        self.layout.run.mkdir(parents=True, exist_ok=True)
        path = self.layout.run / "router-log.sock"
        self._log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._log.setblocking(False)
        self._log.bind(str(path))
        asyncio.get_running_loop().add_reader(self._log.fileno(), self._log_arrived)

    def _log_arrived(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.lines.append(self._log.recv(65536).decode())

    async def _spawn(self, argv: list[str], uid: int | None) -> None:
        if uid is not None:
            for folder, _, files in os.walk(self.layout.data.parent):
                for path in (folder, *(os.path.join(folder, name) for name in files)):
                    os.chown(path, uid, uid)
        out = (self.layout.data / "haproxy.out").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            *argv, stdout=out, stderr=out, start_new_session=True, preexec_fn=haproxy.raise_file_limit,
            **({} if uid is None else {"user": uid, "group": uid, "extra_groups": []}),
        )  # fmt: skip


def new_stand(**edge: object) -> Stand:
    """A stand in a folder of its own, not yet started; its path is short because of unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="hr-", dir="/tmp"))
    layout = Layout(folder / "d", folder / "r")
    layout.data.mkdir()
    if not edge:
        edge = {"port": free_port()}
    return Stand(layout, Edge(addresses=("127.0.0.1",), **edge))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def standing(**edge: object) -> AsyncIterator[Stand]:
    stand = new_stand(**edge)
    try:
        await stand.start()
        yield stand
    finally:
        await stand.stop()


@contextlib.asynccontextmanager
async def dynos(*names: str, reply: Reply | None = None) -> AsyncIterator[list[Dyno]]:
    made = [await Dyno(name, reply).start() for name in names]
    try:
        yield made
    finally:
        for dyno in made:
            await dyno.stop()


def app(name: str, *servers: Server, state: str = "serving", hosts: tuple[str, ...] = ()) -> AppRoutes:
    return AppRoutes(f"{name}-id", name, hosts or (f"{name}.localhost",), state, servers)  # type: ignore[arg-type]


async def curl(*argv: str) -> str:
    """What curl prints: `<body>|<status>`."""
    process = await asyncio.create_subprocess_exec(
        "curl", "-g", "-sS", "--max-time", "20", "-w", "|%{http_code}", *argv,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


async def get(port: int, host: str, path: str = "/", headers: str = "") -> tuple[int, bytes, bytes]:
    """(status, head, body) of one request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
        writer.write(request.encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]) if head else 0, head, body
    finally:
        writer.close()


class Load:
    """Clients with keep-alive that ask as fast as they get answers; every odd answer is kept."""

    def __init__(self, port: int, host: str, clients: int = 4, pause: float = 0.002) -> None:
        self.port, self.host, self.clients, self.pause = port, host, clients, pause
        self.good, self.failures = 0, list[str]()

    async def __aenter__(self) -> Load:
        self._over = False
        self._tasks = [asyncio.create_task(self._client()) for _ in range(self.clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True
        await asyncio.gather(*self._tasks)

    async def _client(self) -> None:
        request = f"GET / HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode()
        reader = writer = None
        fresh = True
        while not self._over:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    fresh = True
                assert reader is not None
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                if b" 200 " not in head.split(b"\r\n")[0]:
                    self.failures.append(head.split(b"\r\n")[0].decode())
                self.good += 1
                fresh = False
                if b"connection: close" in head.lower():
                    writer.close()
                    writer = None
            except (OSError, asyncio.IncompleteReadError) as error:
                # An idle kept connection may be closed under any client; HTTP has it try again on a new one.
                if fresh:
                    self.failures.append(repr(error))
                if writer:
                    writer.close()
                writer = None
            await asyncio.sleep(self.pause)
