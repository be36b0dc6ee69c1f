"""The ASGI application by itself: keep-alives, cut tokens, other paths."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from haibun.logplex.channels import Channels
from haibun.logplex.sessions import Sessions
from haibun.wire.sealed import Sealer

SEALER = Sealer(b"k" * 32)


class Call:
    """One request to the application, answered piece by piece."""

    def __init__(self, sessions: Sessions, token: str, method: str = "GET", path: str | None = None) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {
            "type": "http",
            "method": method,
            "path": path or f"/logplex/sessions/{token}",
            "headers": [(b"accept", b"text/event-stream")],
            "query_string": b"",
        }
        self.task = asyncio.create_task(sessions.app(scope, self._receive, self.sent.put))  # type: ignore[arg-type]

    async def _receive(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def status(self) -> int:
        return int((await self.sent.get())["status"])

    async def body(self) -> bytes:
        return bytes((await self.sent.get())["body"])


def _token(**claims: Any) -> str:
    return SEALER.seal({"app": "a", "exp": time.time() + 60, **claims})


def test_a_silent_tail_is_kept_alive(tmp_path: Path) -> None:
    async def run() -> None:
        call = Call(Sessions(Channels(tmp_path), SEALER, keepalive_seconds=0.01), _token(tail=True))
        assert await call.status() == 200
        assert [await call.body() for _ in range(4)] == [b": keepalive\n\n"] * 4
        call.task.cancel()

    asyncio.run(run())


def test_a_cut_token_ends_and_opens_no_more(tmp_path: Path) -> None:
    async def run() -> None:
        sessions, token, other = (
            Sessions(Channels(tmp_path), SEALER),
            _token(tail=True),
            _token(tail=True, lines=1),
        )
        open_, kept = Call(sessions, token), Call(sessions, other)
        assert [await open_.status(), await kept.status()] == [200, 200]
        await open_.body()
        sessions.cut(token=token)
        assert (await open_.sent.get()).get("more_body") is False
        assert await Call(sessions, token).status() == 404
        assert await Call(sessions, other).status() == 200
        assert not kept.task.done()
        kept.task.cancel()

    asyncio.run(run())


def test_leaving_readers_are_forgotten(tmp_path: Path) -> None:
    async def run() -> None:
        channels = Channels(tmp_path)
        call = Call(Sessions(channels, SEALER), _token(tail=True))
        await call.status()
        await call.body()
        assert len(channels.get("a").tails) == 1
        call.task.cancel()
        await asyncio.wait([call.task])
        assert channels.get("a").tails == set()

    asyncio.run(run())


def test_other_paths_and_methods(tmp_path: Path) -> None:
    async def run() -> None:
        sessions = Sessions(Channels(tmp_path), SEALER)
        assert await Call(sessions, "", path="/").status() == 404
        assert await Call(sessions, _token(), method="POST").status() == 405
        head = Call(sessions, _token(tail=True), method="HEAD")
        assert await head.status() == 200
        await head.task  # it must not wait for lines

    asyncio.run(run())
