"""The logplex process: binds its sockets, says ready, runs its parts until cancelled.

Owns layout.socket("logplex"), <run>/router-log.sock (datagrams), <run>/router-log-stream.sock and
layout.hint("logplex"). The functions it is given may block: they are called in one worker thread, one at a time,
never on a line's path.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import uvicorn

from haibun.core.layout import Layout
from haibun.logplex.channels import Channels
from haibun.logplex.events import Event, Events
from haibun.logplex.follow import Follower
from haibun.logplex.router_lines import RouterLines
from haibun.logplex.sessions import Sessions
from haibun.wire.sealed import Sealer

P = ParamSpec("P")
T = TypeVar("T")
EXPIRE_SECONDS = 3600.0


async def serve(
    layout: Layout,
    sealer: Sealer,
    take_events: Callable[[], Sequence[Event]],
    forget_events: Callable[[int], None],
    is_gone: Callable[[str], bool],
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Gather every line of every app and hand them out, until cancelled."""
    channels = Channels(layout.logplex)
    sessions = Sessions(channels, sealer)
    with contextlib.ExitStack() as stack:
        thread = stack.enter_context(ThreadPoolExecutor(1, "logplex-store"))
        hints = stack.enter_context(_bind(layout.hint("logplex"), socket.SOCK_DGRAM))
        router = stack.enter_context(_bind(layout.run / "router-log.sock", socket.SOCK_DGRAM))
        stream = stack.enter_context(_bind(layout.run / "router-log-stream.sock", socket.SOCK_STREAM))
        http = stack.enter_context(_bind(layout.socket("logplex"), socket.SOCK_STREAM))
        events = Events(hints, channels, _in(thread, take_events), _in(thread, forget_events), sessions.cut_app)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(Follower(layout.output, channels, _in(thread, is_gone)).run())
                group.create_task(RouterLines(router, stream, channels).run())
                group.create_task(events.run())
                group.create_task(_expire(channels))
                group.create_task(_serve_http(http, sessions))
                ready()
        finally:
            channels.close()


def _bind(path: Path, kind: socket.SocketKind) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # left by a process that was killed; the role's lock says there is no other
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.bind(str(path))
    path.chmod(0o660)
    if kind == socket.SOCK_STREAM:
        sock.listen(1024)
        sock.setblocking(False)
    return sock


def _in(thread: ThreadPoolExecutor, function: Callable[P, T]) -> Callable[P, asyncio.Future[T]]:
    def call(*args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(thread, lambda: function(*args, **kwargs))

    return call


async def _expire(channels: Channels) -> None:
    while True:
        await channels.expire(time.time())
        await asyncio.sleep(EXPIRE_SECONDS)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the role's."""
        yield


async def _serve_http(sock: socket.socket, sessions: Sessions) -> None:
    config = uvicorn.Config(
        sessions.app,
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        # A clean end of each stream: the stock CLI then reconnects by itself.
        sessions.close()
        server.should_exit = True
        await task
        raise
