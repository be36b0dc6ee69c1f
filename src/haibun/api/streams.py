"""Output streams of builds and release phases, as text while it is written. The id is the whole permission."""

from __future__ import annotations

from starlette.responses import Response, StreamingResponse

from haibun.api.call import Call
from haibun.blobs import streams
from haibun.core.errors import NotFound


async def follow(call: Call) -> Response:
    """404 until there is something; clients try again."""
    stream_id = call.params["stream"]
    if not streams.path(call.layout, stream_id).exists():
        raise NotFound("output stream")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
    chunks = streams.follow(call.layout, stream_id)
    return StreamingResponse(chunks, media_type="text/plain; charset=utf-8", headers=headers)
