"""Router lines from HAProxy: its records, or `<app id> <body>` -> `heroku[router]: body`.

They come as datagrams, or better over a stream: HAProxy never waits for a datagram socket, and its queue holds
net.unix.max_dgram_qlen of them (10 by default), so a busy router loses most. A `ring` of HAProxy with a server of
`log-proto octet-count` keeps them in its memory until they are read, also while this process restarts.
Lines of app `-` (no app answers for that host) are dropped on purpose.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from collections.abc import Iterable

from haibun.logplex.channels import APP_ID, Channels
from haibun.wire import log_line, router_line

log = logging.getLogger(__name__)
BUFFER_BYTES = 8 * 1024 * 1024
MOST_AT_ONCE = 2_000
STREAM_BYTES = 256 * 1024
PACE_MILLISECONDS = 50
"""So long may one chunk of the stream wait for tails that read: at worst 5 MB/s of router lines for all apps."""
_SYSLOG = re.compile(
    rb"(?:<\d{1,3}>)?"
    rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:[^ \[\]:]+ )?[^ \[\]:]+(?:\[\d+\])?: )?"
    rb"(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})\d*(?:\+00:00|Z) )?"
)


def parse(datagram: bytes, now: bytes) -> tuple[str, bytes] | None:
    """(app id, time + body as a line); None if it belongs to no app. `now`: stamp of the arrival."""
    head = _SYSLOG.match(datagram)
    assert head is not None  # every part of it is optional
    message = datagram[head.end() :].rstrip(b"\n\0")
    if b"\t" in message:  # a record of our router's log-format, not yet a line
        record = router_line.parse(message.decode(errors="replace"))
        message = b"-" if record is None else f"{record[0]} {record[1]}".encode()
    app, _, body = message.partition(b" ")
    app_id = app.decode("ascii", errors="replace")
    if app == b"-" or not APP_ID.fullmatch(app_id):
        return None
    text = log_line.clean(body)[: log_line.LIMIT]
    return app_id, (head[1] or now)[:26] + log_line.mark("heroku", "router") + text


def frames(data: bytes) -> tuple[list[bytes], bytes]:
    """Octet-counted messages (`<length> <message>`, back to back) -> (whole ones, the rest). ValueError if not."""
    found: list[bytes] = []
    at = 0
    while (space := data.find(b" ", at, at + 7)) > 0:
        length = data[at:space]
        if not length.isdigit():
            break
        end = space + 1 + int(length)
        if end > len(data):
            return found, data[at:]
        found.append(data[space + 1 : end])
        at = end
    rest = data[at:]
    if rest and not (rest.isdigit() and len(rest) < 7):
        raise ValueError(f"not octet-counted: {rest[:40]!r}")
    return found, rest


class RouterLines:
    """Takes lines in batches, one record an app a batch."""

    def __init__(self, datagrams: socket.socket, stream: socket.socket, channels: Channels) -> None:
        datagrams.setblocking(False)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket = datagrams
        self._stream = stream
        self._channels = channels
        self._lost: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        server = await asyncio.start_unix_server(self._connected, sock=self._stream)
        loop.add_reader(self._socket.fileno(), self._arrived)
        try:
            await loop.create_future()
        finally:
            loop.remove_reader(self._socket.fileno())
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
        try:
            while data := await reader.read(STREAM_BYTES):
                found, rest = frames(rest + data)
                await self._room(self.take(found, time.time()))
        except (ValueError, OSError) as error:
            log.warning("router log stream closed: %s", error)
        except asyncio.CancelledError:
            pass  # the loop ends; HAProxy keeps what was not read
        finally:
            writer.close()

    def _arrived(self) -> None:
        datagrams = []
        try:
            for _ in range(MOST_AT_ONCE):
                datagrams.append(self._socket.recv(65536))
        except BlockingIOError:
            pass
        self.take(datagrams, time.time())

    async def _room(self, app_ids: Iterable[str]) -> None:
        """Let tails send what they just got. HAProxy keeps the lines meanwhile, but of all apps: not for long."""
        channels = [self._channels.get(app_id) for app_id in app_ids]
        await asyncio.sleep(0)
        for _ in range(PACE_MILLISECONDS):
            if not any(channel.crowded() for channel in channels):
                return
            await asyncio.sleep(0.001)

    def take(self, datagrams: Iterable[bytes], now: float) -> Iterable[str]:
        """Messages that arrived at `now` (unix seconds) -> channels; the ids of their apps."""
        stamp = log_line.stamp(now)
        apps: dict[str, list[bytes]] = {}
        for datagram in datagrams:
            if parsed := parse(datagram, stamp):
                apps.setdefault(parsed[0], []).append(parsed[1])
        for app_id, lines in apps.items():
            self._keep(app_id, lines, now)
        return apps

    def _keep(self, app_id: str, lines: list[bytes], now: float) -> None:
        """A message cannot be asked for again: what the disk refuses is counted, and said when it recovers."""
        lost, since = self._lost.get(app_id, (0, now))
        try:
            channel = self._channels.get(app_id)
            channel.append("heroku", "router", lines)
            if self._lost.pop(app_id, None):
                when = log_line.stamp(int(since))[:19].decode()
                text = f"Error L13: {lost} messages lost since {when}+00:00."
                channel.append("heroku", "logplex", [log_line.line(now, "heroku", "logplex", text.encode())])
        except OSError as error:
            log.warning("cannot keep router lines of %s: %s", app_id, error)
            self._lost[app_id] = (lost + len(lines), since)
