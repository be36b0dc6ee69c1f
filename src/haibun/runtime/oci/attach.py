"""Between conmon's attach socket (packets, the output's kind as first byte) and a plain stream socket."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from pathlib import Path

PACKET = 8192


def connect(folder: Path) -> socket.socket:
    """conmon's attach socket of the dyno in that folder. OSError if it is not there any more."""
    conn = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        conn.connect(f"/proc/self/fd/{fd}/attach")  # by descriptor: a socket's path may have 107 bytes only
    except OSError:
        conn.close()
        raise
    finally:
        os.close(fd)
    return conn


async def pump(conmon: socket.socket, ours: socket.socket) -> None:
    """Carry bytes both ways until the dyno's output ends; then close both. Half-close of the client becomes
    the end of the dyno's standard input; a client that is gone lets conmon go as well."""
    conmon.setblocking(False)
    ours.setblocking(False)
    inward = asyncio.create_task(_to_dyno(ours, conmon))
    try:
        await _from_dyno(conmon, ours)
    finally:
        inward.cancel()
        await asyncio.wait([inward])
        conmon.close()
        ours.close()


async def _from_dyno(conmon: socket.socket, ours: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError, BrokenPipeError):
        while packet := await loop.sock_recv(conmon, PACKET * 8):
            await loop.sock_sendall(ours, packet[1:])


async def _to_dyno(ours: socket.socket, conmon: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError, BrokenPipeError):
        while data := await loop.sock_recv(ours, PACKET):
            await loop.sock_sendall(conmon, data)
    with suppress(OSError):
        conmon.shutdown(socket.SHUT_WR)


def resize(folder: Path, rows: int, cols: int) -> None:
    """Tell conmon the terminal's new size. A dyno that is gone is no error."""
    with suppress(OSError):
        fd = os.open(folder / "ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(fd, f"1 {rows} {cols}\n".encode())
        finally:
            os.close(fd)
