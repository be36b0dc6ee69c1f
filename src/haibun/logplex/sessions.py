"""Log sessions over HTTP: `GET /logplex/sessions/<sealed token>` -> lines, as events or as text.

Owns who is reading. The token is the whole permission: it says which app, which lines, until when to begin.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from haibun.logplex.channel import RING
from haibun.logplex.channels import Channels
from haibun.logplex.records import Batch
from haibun.logplex.session import Session
from haibun.logplex.tail import Tail
from haibun.wire import sse
from haibun.wire.sealed import Sealer

KEEPALIVE_SECONDS = 30.0
SEND_LINES = 2_000
"""Lines a send: large enough to be cheap, small enough that a tail's queue is taken often."""


class Sessions:
    """`app` is the ASGI application."""

    def __init__(
        self, channels: Channels, sealer: Sealer, *, keepalive_seconds: float = KEEPALIVE_SECONDS
    ) -> None:
        self._channels = channels
        self._sealer = sealer
        self._keepalive_seconds = keepalive_seconds
        self._open: dict[Tail, Session] = {}
        self._cut: dict[str, float] = {}
        self.app = Starlette(
            routes=[Route("/logplex/sessions/{token}", self._get, methods=["GET"])],
            exception_handlers={HTTPException: _refuse},
        )

    def cut(self, *, app_id: str | None = None, token: str | None = None) -> None:
        """End the open sessions of an app or of a token; a cut token opens no more."""
        for tail, session in list(self._open.items()):
            if session.app_id == app_id or session.token == token:
                tail.close()
        if token is not None:
            self._cut = {old: until for old, until in self._cut.items() if until > time.time()}
            cut = Session.open(token, self._sealer)
            if cut is not None:
                self._cut[token] = cut.expires_at

    def cut_app(self, app_id: str) -> None:
        """End the open sessions of an app."""
        self.cut(app_id=app_id)

    def close(self) -> None:
        """End all sessions; their readers come back by themselves and name the last line they had."""
        for tail in list(self._open):
            tail.close()

    async def _get(self, request: Request) -> Response:
        session = Session.open(request.path_params["token"], self._sealer)
        if session is None or session.expires_at < time.time() or session.token in self._cut:
            message = "This log session has expired or never was. Ask for a new one: POST /apps/:app/log-sessions."
            return JSONResponse({"id": "not_found", "message": message}, status_code=404)
        if request.method == "HEAD":
            return Response()
        as_events = "text/event-stream" in request.headers.get("accept", "")
        kind = "text/event-stream" if as_events else "text/plain; charset=utf-8"
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = self._stream(session, _number(request.headers.get("last-event-id")), as_events)
        return StreamingResponse(stream, media_type=kind, headers=headers)

    async def _stream(self, session: Session, after: int | None, as_events: bool) -> AsyncIterator[bytes]:
        channel = self._channels.get(session.app_id)
        encode = _events if as_events else _text
        tail = Tail(session.wanted)
        # No await between the two: the tail begins exactly where the buffer ends.
        if after is not None and after >= channel.next_id:
            after = None  # an id of a buffer that is no more
        backlog = channel.read(session.wanted, newest=session.lines if after is None else RING, after=after)
        if not session.tail:
            for data in encode(backlog):
                yield data
            return
        channel.tails.add(tail)
        self._open[tail] = session
        try:
            # Says at once that the session stands: a reader of an app that is silent waits for the first byte.
            if as_events:
                yield sse.KEEPALIVE
            for data in encode(backlog):
                yield data
            del backlog
            async for data in self._follow(tail, encode, as_events):
                yield data
        finally:
            channel.tails.discard(tail)
            self._open.pop(tail, None)

    async def _follow(self, tail: Tail, encode: Any, as_events: bool) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._keepalive_seconds):
                    await tail.ready()
            except TimeoutError:
                if as_events:
                    yield sse.KEEPALIVE
                continue
            batches, overflow = tail.take()
            for data in encode(batches):
                yield data
            if overflow is not None:
                yield sse.notice(overflow) if as_events else overflow + b"\n"
            if tail.closed:
                return


def _parts(batches: Iterable[Batch]) -> Iterable[tuple[int, list[bytes]]]:
    for batch in batches:
        for at in range(0, len(batch.lines), SEND_LINES):
            yield batch.first + at, batch.lines[at : at + SEND_LINES]


def _events(batches: Iterable[Batch]) -> Iterable[bytes]:
    return (sse.encode(first, lines) for first, lines in _parts(batches))


def _text(batches: Iterable[Batch]) -> Iterable[bytes]:
    return (b"\n".join(lines) + b"\n" for _, lines in _parts(batches))


async def _refuse(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    what = "method_not_allowed" if status == 405 else "not_found"
    message = f"There is only GET /logplex/sessions/:token here, not {request.method} of this path."
    return JSONResponse({"id": what, "message": message}, status_code=status)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None
