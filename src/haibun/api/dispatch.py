"""The ASGI application of the API: find the route, authenticate, check, call, answer. Deny by default.

Handlers are plain functions on a thread pool, since the store is synchronous; a coroutine function is for
bodies that stream. Never a traceback in an answer.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from haibun.api import bodies, ranges
from haibun.api.access import NOBODY, Access, authenticate, check, email_of
from haibun.api.call import Call, Route
from haibun.api.protocol import answer, error_of
from haibun.api.rates import Buckets
from haibun.api.tree import Tree
from haibun.control.context import Actor, Control
from haibun.core.errors import Refused, Unauthorized
from haibun.core.layout import Layout
from haibun.kit.ids import new_id

log = logging.getLogger("haibun.api")
THREADS = 12
"""Fewer than the connections that the store's pool gives out."""
REQUESTS_AT_ONCE, REQUESTS_PER_SECOND = 4500, 75.0
PASSWORDS_AT_ONCE, PASSWORDS_PER_SECOND = 10, 1 / 6


class Dispatcher:
    """Answers every request of the API by its table of routes."""

    def __init__(self, control: Control, layout: Layout, routes: Iterable[Route]) -> None:
        self._control, self._layout = control, layout
        self._tree = Tree(routes)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")
        self._requests = Buckets(control.clock, REQUESTS_AT_ONCE, REQUESTS_PER_SECOND)
        self._guesses = Buckets(control.clock, PASSWORDS_AT_ONCE, PASSWORDS_PER_SECOND)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("the API speaks HTTP only")
        request = Request(scope, receive)
        request_id = new_id()
        began = self._control.clock.monotonic()
        try:
            response = await self._respond(request, request_id)
        except ClientDisconnect:
            return
        except Exception as error:
            status, body, headers = error_of(error, request_id)
            response = answer(status, body, headers)
        response.headers["Request-Id"] = request_id
        remaining = getattr(request.state, "rate_remaining", REQUESTS_AT_ONCE)
        response.headers["RateLimit-Remaining"] = str(remaining)
        await response(scope, receive, send)
        took_ms = (self._control.clock.monotonic() - began) * 1000
        log.info("%s %s %d %.0fms %s", request.method, _loggable(scope), response.status_code, took_ms, request_id)

    async def _respond(self, request: Request, request_id: str) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        route, params = self._tree.find(method, _path(request.scope))
        loop = asyncio.get_running_loop()
        if inspect.iscoroutinefunction(route.handler):
            call = await loop.run_in_executor(
                self._threads, partial(self._admit, route, params, request, request_id, b"")
            )
            response: Response = await route.handler(call)
            return response
        raw = await _read(request)
        work = partial(self._work, route, params, request, request_id, raw)
        return await loop.run_in_executor(self._threads, work)

    def _admit(self, route: Route, params: dict[str, str], request: Request, request_id: str, raw: bytes) -> Call:
        """Authenticate and check before anything of the request is looked at more closely."""
        actor = self._actor(route, request)
        call = Call(self._control, self._layout, route, request, params, request_id, actor)
        if route.body is not None:
            call.body = bodies.decode(raw, request.headers.get("content-type"), route.body)
        if route.ranges:
            call.range = ranges.parse(request.headers.get("range"), route.ranges)
        return call

    def _actor(self, route: Route, request: Request) -> Actor:
        if route.access is Access.PUBLIC:
            return NOBODY
        header = request.headers.get("authorization")
        passwords = route.method == "POST" and route.path == "/oauth/authorizations"
        email = email_of(header) if passwords else None
        slow_down = "Too many wrong passwords for this e-mail. Wait a minute, then try again."
        if email:
            self._guesses.check(email, slow_down)
        try:
            actor = authenticate(self._control, header, passwords=passwords)
        except Unauthorized:
            if email:
                self._guesses.take(email, slow_down)
            raise
        request.state.rate_remaining = 0
        request.state.rate_remaining = self._requests.take(
            actor.user_id, "Your account reached the API rate limit. Wait a few seconds."
        )
        check(actor, route.access)
        return actor

    def _work(
        self, route: Route, params: dict[str, str], request: Request, request_id: str, raw: bytes
    ) -> Response:
        call = self._admit(route, params, request, request_id, raw)
        result = route.handler(call)
        status, headers = route.status, dict[str, str]()
        if isinstance(result, list) and route.ranges:
            result = ranges.cut(result, call.range, route.ranges)
        if isinstance(result, ranges.Page):
            status, more = ranges.headers_of(result, call.range, route.ranges)
            headers |= more
            result = result.items
        if_none_match = request.headers.get("if-none-match") if route.method == "GET" else None
        return answer(status, result, headers, if_none_match)


async def _read(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > bodies.LARGEST_BODY:
            raise Refused("The body is larger than 1 MB. Send less at once.", id="bad_request", status=413)
    return bytes(raw)


def _path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return raw.split(b"?", 1)[0].decode("latin-1") if raw is not None else str(scope["path"])


def _loggable(scope: Scope) -> str:
    """The path without what is secret in it: the query, and addresses that are secrets themselves."""
    path = _path(scope)
    return "/" + path.split("/", 2)[1] + "/…" if path.startswith(("/sources/", "/streams/")) else path
