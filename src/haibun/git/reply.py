"""One HTTP answer to a git client: nothing is sent before the first byte is known.

Owns ASGI's send(). Never decides what is said.
"""

from __future__ import annotations

from starlette.types import Send

NO_CACHE = [
    (b"cache-control", b"no-cache, max-age=0, must-revalidate"),
    (b"expires", b"Fri, 01 Jan 1980 00:00:00 GMT"),
    (b"pragma", b"no-cache"),
]


class Reply:
    """Starts with the first write(), so that a failure before it can still be a status of its own."""

    def __init__(self, send: Send, content_type: str) -> None:
        self._send, self._content_type = send, content_type
        self.started = False

    async def write(self, data: bytes) -> None:
        """Send bytes at once; waits while the client is slow."""
        await self._start()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        await self._start()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self) -> None:
        if not self.started:
            self.started = True
            headers = [(b"content-type", self._content_type.encode()), *NO_CACHE]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})


async def say(send: Send, status: int, sentence: str) -> None:
    """A plain text answer. git shows it to its user as `remote: …`."""
    body = f"{sentence}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *NO_CACHE,
    ]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Haibun"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
