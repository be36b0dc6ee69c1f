"""Calls the API's ASGI application as a client would, and holds every answer against Heroku's schema."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from api_schema import complaints
from starlette.types import ASGIApp


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.content)

    def error(self) -> tuple[int, str, str]:
        return self.status, self.json["id"], self.json["message"]


@dataclass
class Caller:
    """`token`: sent as Bearer; `basic`: (user, password) instead."""

    app: ASGIApp
    token: str | None = None
    basic: tuple[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more: Any) -> Answer:
        return self("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self("POST", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self("PATCH", path, body, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self("PUT", path, body, **more)

    def delete(self, path: str, **more: Any) -> Answer:
        return self("DELETE", path, **more)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        sent = {"accept": "application/vnd.heroku+json; version=3", **self.headers, **(headers or {})}
        if self.basic:
            sent["authorization"] = "Basic " + base64.b64encode(":".join(self.basic).encode()).decode()
        elif self.token:
            sent["authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent.setdefault("content-type", "application/json")
            raw = json.dumps(body).encode()
        answer = asyncio.run(_call(self.app, method, path, sent, raw or b""))
        if answer.status < 300 and answer.headers.get("content-type") == "application/json" and method != "HEAD":
            found = complaints(method, path, answer.json)
            assert not found, found
        return answer


async def _call(app: ASGIApp, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    raw_path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": raw_path,
        "raw_path": quote(raw_path, safe="/%~").encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "server": ("localhost", 80),
    }
    status, sent_headers, content = 0, dict[str, str](), bytearray()
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    gone = asyncio.Event()

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            sent_headers.update({name.decode(): value.decode() for name, value in message["headers"]})
        else:
            content.extend(message.get("body", b""))

    await app(scope, receive, send)
    return Answer(status, sent_headers, bytes(content))
