"""Serves a Driver on a unix socket to the platform's unprivileged processes. Holds no state of its own.

Whoever connects may be hostile: peers are told by the kernel, lines are bounded, what is not understood is
answered with an error, and nothing a peer sends ends the server.
"""

from __future__ import annotations

import array
import asyncio
import json
import logging
import os
import signal
import socket
import stat
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

from haibun.core.errors import Final, HaibunError
from haibun.runtime import protocol as p
from haibun.runtime.driver import Driver

log = logging.getLogger(__name__)
CONNECTIONS = 256
REQUESTS_AT_ONCE = 256


class RuntimeServer:
    """`allowed_uids`: who may ask; root and our own user always may. `group`: gid that owns the socket (0660)."""

    def __init__(
        self, driver: Driver, path: Path, *, allowed_uids: Collection[int] = (), group: int | None = None
    ) -> None:
        self._driver = driver
        self._path = path
        self._allowed = {0, os.getuid(), *allowed_uids}
        self._group = group
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> RuntimeServer:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen; a socket file left by an earlier process is replaced."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        old = os.umask(0o117)
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(old)
        if self._group is not None:
            _give_to_group(self._path, self._group)
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=p.LINE_BYTES)

    async def close(self) -> None:
        """Stop listening and drop every connection. The driver stays open."""
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= CONNECTIONS or self._peer(writer) not in self._allowed:
            writer.close()
            return
        self._connections.add(task)
        try:
            await Connection(self._driver, reader, writer).serve()
        except (ConnectionError, asyncio.CancelledError):
            pass
        except Exception:
            log.exception("a connection to the runtime failed")
        finally:
            self._connections.discard(task)
            writer.close()

    def _peer(self, writer: asyncio.StreamWriter) -> int:
        sock = writer.get_extra_info("socket")
        _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(uid)


async def serve(driver: Driver, path: Path, owner: tuple[int, int]) -> None:
    """Serve until SIGTERM or SIGINT. `owner`: uid that may ask, and gid of the socket."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with RuntimeServer(driver, path, allowed_uids={owner[0]}, group=owner[1]):
        await ended.wait()


class Connection:
    """One peer: its requests run beside each other and end with it."""

    def __init__(self, driver: Driver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._driver = driver
        self._reader = reader
        self._writer = writer
        self._room = asyncio.Semaphore(REQUESTS_AT_ONCE)

    async def serve(self) -> None:
        """Until the peer leaves. Starts and stops it asked for are carried to their end first."""
        lasting: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as tasks:
            while line := await self._line():
                try:
                    request = p.decode_request(line)
                except Exception as error:
                    self._writer.write(p.failure(_id_of(line), error))
                    continue
                if isinstance(request, p.Attach):
                    await self._attach(request)
                    continue
                await self._room.acquire()
                task = tasks.create_task(self._answer(request))
                if isinstance(request, p.Changes):
                    lasting.add(task)
            for task in lasting:
                task.cancel()

    async def _line(self) -> bytes:
        """The next line; empty at the end, or when the peer sends one without end."""
        try:
            return await self._reader.readline()
        except ValueError:
            self._writer.write(p.failure(-1, Final("invalid", f"A line has {p.LINE_BYTES} bytes at most.")))
            return b""
        except ConnectionError:
            return b""

    async def _answer(self, request: p.Request) -> None:
        try:
            if isinstance(request, p.Changes):
                self._say(p.answer(request.id, None))
                async for seen in self._driver.changes():
                    self._say(p.answer(request.id, seen))
                return
            self._say(p.answer(request.id, await self._call(request)))
        except Exception as error:
            if not isinstance(error, HaibunError):
                log.exception("a request to the runtime failed")
            self._say(p.failure(request.id, error))
        finally:
            self._room.release()

    async def _call(self, request: p.Request) -> Any:
        driver = self._driver
        match request:
            case p.Start(spec=spec):
                return await driver.start(spec)
            case p.Signal(dyno_id=dyno, number=number):
                return await driver.signal(dyno, number)
            case p.Stop(dyno_id=dyno, grace_seconds=grace):
                return await driver.stop(dyno, grace)
            case p.Remove(dyno_id=dyno):
                return await driver.remove(dyno)
            case p.List():
                return await driver.list()
            case p.Resize(dyno_id=dyno, rows=rows, cols=cols):
                return await driver.resize(dyno, rows, cols)
            case p.Listening(dyno_id=dyno, port=port):
                return await driver.listening(dyno, port)
            case p.Seal(dyno_id=dyno, slug_id=slug):
                return await driver.seal(dyno, slug)
            case p.MemoryBytes(dyno_id=dyno):
                return await driver.memory_bytes(dyno)
            case _:
                raise TypeError(type(request).__name__)

    def _say(self, line: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(line)

    async def _attach(self, request: p.Attach) -> None:
        """Answer with the stream's descriptor, as ancillary data of the answer's first byte."""
        try:
            stream = await self._driver.attach(request.dyno_id)
        except Exception as error:
            self._say(p.failure(request.id, error))
            return
        with stream:
            await self._writer.drain()
            own = socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno()))
            with own:
                line = p.answer(request.id, None)
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [stream.fileno()]))]
                sent = own.sendmsg([line], rights)
            self._say(line[sent:])


def _give_to_group(path: Path, group: int) -> None:
    """chown of the socket and of nothing that somebody with the folder's rights puts in its place."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        seen = os.fstat(fd)
        if not stat.S_ISSOCK(seen.st_mode) or seen.st_uid != os.geteuid():
            raise Final("socket", f"{path} was replaced by somebody else while the runtime started.")
        os.chown(f"/proc/self/fd/{fd}", -1, group)
    finally:
        os.close(fd)


def _id_of(line: bytes) -> int:
    """The request's id if that much can be read, else -1."""
    try:
        found = json.loads(line)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return -1
    return found if isinstance(found, int) else -1
