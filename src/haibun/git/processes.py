"""One git process as streams: started by vfork, read and written with back-pressure, ended with its group.

Owns starting, waiting and killing. Never knows what git is asked. asyncio's own subprocesses are not used since
uvloop's fork the whole server (8 ms and more, 1 ms this way).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from typing import IO

PIPE_BYTES = 64 * 1024


class Process:
    """A running process, the head of a process group of its own.

    `stdin` is there if it was asked for, `stdout` unless it goes to a file. Each is a socket used one way, so that
    a process which stops listening can still be heard to its end.
    """

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.pid = popen.pid
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self._stderr: asyncio.StreamReader
        self._writers: list[asyncio.StreamWriter] = []
        self._popen = popen
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._pidfd = os.pidfd_open(popen.pid)
        loop.add_reader(self._pidfd, self._reap)

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus the signal that killed it."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def complaint(self, limit_bytes: int = 4096) -> str:
        """What it says on stderr until it ends: the first bytes kept, the rest read and dropped."""
        kept = b""
        while piece := await self._stderr.read(4096):
            kept += piece[: limit_bytes - len(kept)]
        return kept.decode(errors="replace").strip()

    async def end(self, grace_seconds: float = 0.0) -> None:
        """See to it that it and its group are gone. First it may end by itself, as its input ends here."""
        if self.stdin is not None:
            self.stdin.close()
        for sent, wait_seconds in ((None, grace_seconds), (signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0)):
            if self.returncode is not None:
                break
            if sent is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, sent)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), wait_seconds)
        for writer in self._writers:
            writer.close()

    async def _connect(self, ours: dict[str, socket.socket]) -> None:
        for name, end in ours.items():
            reader, writer = await asyncio.open_connection(sock=end, limit=PIPE_BYTES)
            self._writers.append(writer)
            if name == "stdin":
                self.stdin = writer
            elif name == "stdout":
                self.stdout = reader
            else:
                self._stderr = reader

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set_result(self._popen.wait())


async def start(
    argv: Sequence[str],
    env: dict[str, str],
    *,
    stdin: bool = False,
    stdout: IO[bytes] | None = None,
    pass_fds: tuple[int, ...] = (),
) -> Process:
    """Start argv with exactly this environment. stdin is empty unless asked for; stdout may be a file."""
    names = ["stderr"] + ["stdin"] * stdin + ["stdout"] * (stdout is None)
    pairs = {name: socket.socketpair() for name in names}
    theirs = {name: pair[1] for name, pair in pairs.items()}
    try:
        popen = subprocess.Popen(  # noqa: ASYNC220 it returns at once, and everything after it is asynchronous
            argv,
            env=env,
            stdin=theirs["stdin"].fileno() if stdin else subprocess.DEVNULL,
            stdout=theirs["stdout"].fileno() if stdout is None else stdout,
            stderr=theirs["stderr"].fileno(),
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except BaseException:
        for ours, _ in pairs.values():
            ours.close()
        raise
    finally:
        for end in theirs.values():
            end.close()
    process = Process(popen)
    await process._connect({name: pair[0] for name, pair in pairs.items()})
    return process
