"""Server-sent events: bytes to events, and following a stream over its breaks.

The decoder does no I/O. `follow` reads a log session the way the API means it: it reconnects to the same URL with
`Last-Event-ID`, so no line is missed or repeated. It never prints.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator

from haibun.client.errors import ClientError, Unreachable
from haibun.client.http import open_stream

RETRY_SECONDS = 3.0
SILENCE_SECONDS = 300.0
"""A server says at least a comment every minute or so; after this the connection is taken for dead."""


class Events:
    """Feed bytes, get the data of complete events. Keeps the last id and the server's `retry:` in seconds."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self.retry_seconds = RETRY_SECONDS
        self._rest = b""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[str]:
        """The data of each event that `chunk` completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        events = []
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", "replace")
            if text:
                self._field(text)
            else:
                # The id counts from the end of its event on: what broke off before it is asked for again.
                self.last_id = self._id
                if self._data:
                    events.append("\n".join(self._data))
                self._data = []
        return events

    def restart(self) -> None:
        """A new connection: half an event of the old one is void."""
        self._rest = b""
        self._data = []
        self._id = self.last_id

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        elif name == "retry" and value.isdecimal():
            self.retry_seconds = int(value) / 1000


def follow(
    url: str, ca_file: str | None, *, tail: bool, sleep: Callable[[float], None] = time.sleep
) -> Iterator[list[str]]:
    """Batches of log lines of the session at `url`; with `tail` for ever. ClientError when it cannot go on."""
    events = Events()
    opened = False
    while True:
        try:
            yield from _one_connection(url, ca_file, events, tail=tail)
            opened = True
        except _Broken as broken:
            opened = opened or broken.opened
            if not (tail and opened):
                raise ClientError("The stream of logs broke off before its end. Please try again.") from broken
        except Unreachable:
            # A server that restarts is back soon: only the first connection has to succeed at once.
            if not (tail and opened):
                raise
        if not tail:
            return
        events.restart()
        sleep(events.retry_seconds)


class _Broken(Exception):
    def __init__(self, opened: bool) -> None:
        self.opened = opened


def _one_connection(url: str, ca_file: str | None, events: Events, *, tail: bool) -> Iterator[list[str]]:
    headers = {"Accept": "text/event-stream"}
    if events.last_id is not None:
        headers["Last-Event-ID"] = events.last_id
    response = open_stream(url, ca_file, headers, timeout=SILENCE_SECONDS)
    try:
        if response.status in (403, 404):
            raise ClientError("Log stream timed out. Please try again.")
        kind = response.headers.get_content_type()
        if response.status >= 500 and tail and events.last_id is not None:
            raise _Broken(opened=True)
        if response.status != 200 or kind != "text/event-stream":
            raise ClientError(f"The log server answered with status {response.status} ({kind}). Please try again.")
        while chunk := response.read1(65536):
            if lines := events.feed(chunk):
                yield lines
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(opened=True) from error
    finally:
        response.close()
