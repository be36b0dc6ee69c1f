"""A Driver that asks the privileged runtime over its socket. Reconnects by itself; keeps no truth.

While the runtime is away every method raises Temporary. A request whose answer was lost may have been done;
all of them may be asked again.
"""

from __future__ import annotations

import array
import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from haibun.core.errors import Temporary
from haibun.runtime import protocol as p
from haibun.runtime.driver import DynoSeen, DynoSpec, Sealed

T = TypeVar("T")
RECONNECT_SECONDS = 0.25
ATTACH_SECONDS = 30.0


class RemoteDriver:
    """One connection for requests, made at the first of them; more for changes and attached streams."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def close(self) -> None:
        """Leave; requests under way get Temporary."""
        if self._reading:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    # -- the seam

    async def start(self, spec: DynoSpec) -> DynoSeen:
        return await self._ask(lambda id: p.Start(id, spec), DynoSeen)

    async def signal(self, dyno_id: str, number: int) -> None:
        await self._ask(lambda id: p.Signal(id, dyno_id, number), type(None))

    async def stop(self, dyno_id: str, grace_seconds: float) -> DynoSeen | None:
        kind: Any = DynoSeen | None
        seen: DynoSeen | None = await self._ask(lambda id: p.Stop(id, dyno_id, grace_seconds), kind)
        return seen

    async def remove(self, dyno_id: str) -> None:
        await self._ask(lambda id: p.Remove(id, dyno_id), type(None))

    async def list(self) -> list[DynoSeen]:
        return await self._ask(lambda id: p.List(id), list[DynoSeen])

    async def changes(self) -> AsyncIterator[DynoSeen]:
        """For ever: when the runtime goes away it is waited for, and what happened meanwhile is missed."""
        while True:
            try:
                reader, writer = await self._connect()
            except Temporary:
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            try:
                writer.write(p.encode(p.Changes(next(self._ids))))
                while line := await reader.readline():
                    result = _result(p.decode_answer(line))
                    if result != b"null":
                        yield msgspec.json.decode(result, type=DynoSeen)
            except ConnectionError:
                pass
            finally:
                writer.close()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def attach(self, dyno_id: str) -> socket.socket:
        request = p.encode(p.Attach(next(self._ids), dyno_id))
        return await asyncio.to_thread(_attach, self._path, request)

    async def resize(self, dyno_id: str, rows: int, cols: int) -> None:
        await self._ask(lambda id: p.Resize(id, dyno_id, rows, cols), type(None))

    async def listening(self, dyno_id: str, port: int) -> str | None:
        kind: Any = str | None
        where: str | None = await self._ask(lambda id: p.Listening(id, dyno_id, port), kind)
        return where

    async def seal(self, dyno_id: str, slug_id: str) -> Sealed:
        return await self._ask(lambda id: p.Seal(id, dyno_id, slug_id), Sealed)

    async def memory_bytes(self, dyno_id: str) -> int | None:
        kind: Any = int | None
        used: int | None = await self._ask(lambda id: p.MemoryBytes(id, dyno_id), kind)
        return used

    # -- inside

    async def _ask(self, request: Callable[[int], p.Request], kind: type[T]) -> T:
        id = next(self._ids)
        line = p.encode(request(id))
        writer = await self._connected()
        self._waiting[id] = asyncio.get_running_loop().create_future()
        try:
            writer.write(line)
            await writer.drain()
            return msgspec.json.decode(await self._waiting[id], type=kind)
        except ConnectionError:
            raise _away(self._path) from None
        finally:
            self._waiting.pop(id, None)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None or self._writer.is_closing():
                reader, self._writer = await self._connect()
                self._reading = asyncio.create_task(self._read(reader, self._writer))
            return self._writer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_unix_connection(str(self._path), limit=p.LINE_BYTES)
        except OSError:
            raise _away(self._path) from None

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand answers to those who wait, until the connection ends; then tell the rest of them."""
        try:
            while line := await reader.readline():
                answer = p.decode_answer(line)
                future = self._waiting.get(answer.id)
                if future and not future.done():
                    if answer.error:
                        future.set_exception(p.raised(answer.error))
                    else:
                        future.set_result(answer.result)
        except (ConnectionError, Temporary, ValueError):
            pass
        finally:
            writer.close()
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(_away(self._path))


def _attach(path: Path, request: bytes) -> socket.socket:
    """Ask on a connection of its own, in a thread, and take the descriptor out of the answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as conn:
        conn.settimeout(ATTACH_SECONDS)
        fds: list[int] = []
        line = b""
        try:
            conn.connect(str(path))
            conn.sendall(request)
            while not line.endswith(b"\n"):
                data, ancillary, _, _ = conn.recvmsg(65536, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
                fds += _descriptors(ancillary)
                if not data:
                    raise ConnectionError
                line += data
        except OSError:
            _close_all(fds)
            raise _away(path) from None
    try:
        _result(p.decode_answer(line))
    except BaseException:
        _close_all(fds)
        raise
    if len(fds) != 1:
        _close_all(fds)
        raise Temporary("The runtime answered without a stream.")
    return socket.socket(fileno=fds[0])


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return list(fds)


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)


def _result(answer: p.Answer) -> bytes:
    if answer.error:
        raise p.raised(answer.error)
    return bytes(answer.result)


def _away(path: Path) -> Temporary:
    return Temporary(f"The runtime does not answer at {path}; it may be starting.", after_seconds=1)
