"""Hints: datagrams that say `look at this key sooner`. A lost hint costs time, never truth."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path


class Hinter:
    """Sends hints to rooms by their socket's path. Never blocks, never fails."""

    def __init__(self, path_of: Callable[[str], Path]) -> None:
        self._path_of = path_of
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def send(self, hints: Iterable[tuple[str, str]]) -> None:
        """Send (room, key) pairs; a room that does not listen or is full is passed over."""
        for room, key in hints:
            with contextlib.suppress(OSError):
                self._socket.sendto(key.encode(), str(self._path_of(room)))


def listen(path: Path, on_hint: Callable[[str], None]) -> socket.socket:
    """Bind the datagram socket of a room and call on_hint(key) on the running loop for each hint.

    Close the returned socket to stop. The socket is for the platform's own user only.
    """
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    receiver.bind(str(path))
    os.chmod(path, 0o660)

    def readable() -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                on_hint(receiver.recv(4096).decode(errors="replace"))

    asyncio.get_running_loop().add_reader(receiver.fileno(), readable)
    return receiver
