"""Router lines from HAProxy: `<app id> <body>` datagrams -> `heroku[router]: body`.

Owns the datagram socket. Lines of app `-` (no app answers for that host) are dropped on purpose.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from collections.abc import Iterable

from haibun.logplex.channels import APP_ID, Channels
from haibun.wire import log_line

log = logging.getLogger(__name__)
BUFFER_BYTES = 8 * 1024 * 1024
MOST_AT_ONCE = 2_000
_SYSLOG = re.compile(
    rb"(?:<\d{1,3}>)?"
    rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:[^ \[\]:]+ )?[^ \[\]:]+(?:\[\d+\])?: )?"
    rb"(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})\d*(?:\+00:00|Z) )?"
)


def parse(datagram: bytes, now: bytes) -> tuple[str, bytes] | None:
    """(app id, time + body as a line); None if it belongs to no app. `now`: stamp of the arrival."""
    head = _SYSLOG.match(datagram)
    assert head is not None  # every part of it is optional
    app, _, body = datagram[head.end() :].rstrip(b"\n\0").partition(b" ")
    app_id = app.decode("ascii", errors="replace")
    if app == b"-" or not APP_ID.fullmatch(app_id):
        return None
    message = log_line.clean(body)[: log_line.LIMIT]
    return app_id, (head[1] or now)[:26] + log_line.mark("heroku", "router") + message


class RouterLines:
    """Takes datagrams in batches, one record an app a batch."""

    def __init__(self, sock: socket.socket, channels: Channels) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket = sock
        self._channels = channels
        self._lost: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket.fileno(), self._arrived)
        try:
            await loop.create_future()
        finally:
            loop.remove_reader(self._socket.fileno())

    def _arrived(self) -> None:
        datagrams = []
        try:
            for _ in range(MOST_AT_ONCE):
                datagrams.append(self._socket.recv(65536))
        except BlockingIOError:
            pass
        self.take(datagrams, time.time())

    def take(self, datagrams: Iterable[bytes], now: float) -> None:
        """Datagrams that arrived at `now` (unix seconds) -> channels."""
        stamp = log_line.stamp(now)
        apps: dict[str, list[bytes]] = {}
        for datagram in datagrams:
            if parsed := parse(datagram, stamp):
                apps.setdefault(parsed[0], []).append(parsed[1])
        for app_id, lines in apps.items():
            self._keep(app_id, lines, now)

    def _keep(self, app_id: str, lines: list[bytes], now: float) -> None:
        """A datagram cannot be asked for again: what the disk refuses is counted, and said when it recovers."""
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
