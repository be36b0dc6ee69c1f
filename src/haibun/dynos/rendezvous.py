"""Rendezvous: the raw byte stream between a client of `run` and its one-off dyno (REPORT: Heroku's CLI).

A client sends `<secret>[?query]\\r\\n`; we answer `rendezvous\\r\\n` in a packet of its own, start the dyno, and
pass bytes both ways. Without a terminal a last byte 0x04 from the client means end of input. When the
client goes, the dyno's processes get SIGHUP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from haibun.control import dynos as verbs
from haibun.core.errors import HaibunError
from haibun.dynos.clients import Client
from haibun.dynos.room import DynosRoom

log = logging.getLogger(__name__)
HELLO = b"rendezvous\r\n"
NO_SESSION = b"No such session: it has ended, or it was waited for too long.\r\n"
NOT_STARTED = b" !     The dyno did not start, or has ended already. Its app's log says more.\r\n"
MARKER = "\uffff heroku-command-exit-status: "
SECRET_LIMIT = 512
HELLO_SECONDS = 10.0
FIRST_PACKET_SECONDS = 0.1
"""The stock CLI throws its first chunk away; output that came in the same one would be lost."""
HANGUP_SECONDS = 20.0


async def serve(room: DynosRoom, path: Path) -> asyncio.Server:
    """Listen on the unix socket behind the router's TLS."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _meet(room, reader, writer)
        except (OSError, HaibunError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as e:
            log.debug("a rendezvous ended: %s", e)
        except Exception:
            log.exception("a rendezvous failed")
        finally:
            writer.close()

    server = await asyncio.start_unix_server(client, str(path))
    os.chmod(path, 0o660)
    return server


async def _meet(room: DynosRoom, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async with asyncio.timeout(HELLO_SECONDS):
        line = await reader.readuntil(b"\n")
    secret = line[:SECRET_LIMIT].strip().decode(errors="replace").partition("?")[0]
    one_off = await asyncio.to_thread(verbs.by_secret, room.control, secret)
    # A secret is good for one meeting: not beside another client, and not once the dyno has begun.
    begun = one_off is not None and await asyncio.to_thread(room.life.row, one_off.id) is not None
    client = room.clients.enter(one_off.id) if one_off is not None and not begun else None
    if one_off is None or client is None:
        writer.write(NO_SESSION)
        await writer.drain()
        return
    try:
        writer.write(HELLO)
        await writer.drain()
        room.hint(one_off.app_id)
        await asyncio.gather(client.started.wait(), asyncio.sleep(FIRST_PACKET_SECONDS))
        await _converse(room, one_off, client, reader, writer)
    finally:
        room.clients.leave(one_off.id)
        room.hint(one_off.app_id)


async def _converse(
    room: DynosRoom, one_off: Row[Any], client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        dyno = await room.driver.attach(one_off.id)
    except HaibunError as error:
        log.info("one-off %s could not be attached to: %s", one_off.id, error)
        writer.write(NOT_STARTED)
        await _say_status(room, one_off, b"", writer)
        return
    dyno.setblocking(False)
    from_dyno, to_dyno = await asyncio.open_connection(sock=dyno)
    inward = asyncio.create_task(_inward(one_off.tty, reader, to_dyno))
    outward = asyncio.create_task(_outward(from_dyno, writer))
    over = asyncio.create_task(client.over.wait())
    try:
        await asyncio.wait({inward, outward, over}, return_when=asyncio.FIRST_COMPLETED)
        if outward.done():
            await _say_status(room, one_off, outward.result(), writer)
        elif not over.done():
            await _hang_up(room, one_off, outward)
    finally:
        for task in (inward, outward, over):
            task.cancel()
        to_dyno.close()
        if over.done() and not outward.done():
            writer.transport.abort()  # it does not read: what is waiting for it would wait for ever


async def _inward(tty: bool, reader: asyncio.StreamReader, to_dyno: asyncio.StreamWriter) -> None:
    """Client to dyno, until the client is gone."""
    held = b""
    while True:
        try:
            async with asyncio.timeout(0.15 if held else None):
                chunk = await reader.read(65536)
        except TimeoutError:
            # Nothing followed the 0x04: it was the end of the input.
            if to_dyno.can_write_eof():
                to_dyno.write_eof()
            while await reader.read(65536):
                pass
            return
        if not chunk:
            if held and to_dyno.can_write_eof():
                to_dyno.write_eof()
            return
        chunk = held + chunk
        held = b""
        if not tty and chunk.endswith(b"\x04"):
            chunk, held = chunk[:-1], b"\x04"
        with contextlib.suppress(ConnectionError):
            to_dyno.write(chunk)
            await to_dyno.drain()


async def _outward(from_dyno: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Dyno to client until the dyno's end. Returns the last bytes."""
    last = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await from_dyno.read(65536):
            last = (last + chunk)[-200:]
            writer.write(chunk)
            await writer.drain()
    return last


async def _say_status(room: DynosRoom, one_off: Row[Any], last: bytes, writer: asyncio.StreamWriter) -> None:
    """With `-x` the command itself prints its status; a shell that left early (`exit 7`) could not."""
    if MARKER not in one_off.command or MARKER.encode() in last:
        return
    code = await _exit_code(room, one_off.id)
    writer.write(f"{MARKER}{code}\r\n".encode())
    with contextlib.suppress(ConnectionError):
        await writer.drain()


async def _exit_code(room: DynosRoom, dyno_id: str) -> int:
    for _ in range(100):
        row = await asyncio.to_thread(room.life.row, dyno_id)
        if row is not None and row.exit_code is not None:
            return int(row.exit_code)
        if row is None or row.phase in ("complete", "gone"):
            break
        await asyncio.sleep(0.02)
    return 1


async def _hang_up(room: DynosRoom, one_off: Row[Any], outward: asyncio.Task[bytes]) -> None:
    await asyncio.to_thread(
        room.attempts.say, one_off, "Client connection closed. Sending SIGHUP to all processes"
    )
    await room.driver.signal(one_off.id, signal.SIGHUP)
    done, _ = await asyncio.wait({outward}, timeout=HANGUP_SECONDS)
    if not done:
        await asyncio.to_thread(
            room.attempts.say,
            one_off,
            "Error R16 (Detached) -> An attached process is not responding to SIGHUP after its external "
            "connection was closed.",
        )
        await asyncio.to_thread(verbs.request_stop, room.control, one_off.id)
