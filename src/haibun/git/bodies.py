"""Request bodies as they arrive: unzipped, bounded, never kept.

Owns reading from ASGI's receive(). Never writes anywhere.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

from starlette.types import Receive

from haibun.core.errors import Refused

PIECE_BYTES = 64 * 1024


class ClientGone(Exception):
    """The client has closed the connection."""


async def pieces(receive: Receive, encoding: str, limit_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces of at most PIECE_BYTES, or as they came.

    `encoding` is the Content-Encoding. Refused: 413 over the limit (counted unzipped), 415 for an encoding that
    is not known, 400 for one that is broken. ClientGone if the client leaves before the end.
    """
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise Refused(f"Content-Encoding {encoding[:40]!r} is not understood here; gzip is.", status=415)
    unzip = zlib.decompressobj(31) if encoding.endswith("gzip") else None
    size = 0
    async for chunk in _chunks(receive):
        for piece in _unzipped(unzip, chunk) if unzip is not None else (chunk,):
            size += len(piece)
            if size > limit_bytes:
                limit = f"{limit_bytes / (1 << 20):,.0f} MB"
                raise Refused(f"The request is larger than {limit}, the most that is taken here.", status=413)
            yield piece
    if unzip is not None and size and not unzip.eof:
        raise Refused("The request's gzip data ends too early.", status=400)


async def gone(receive: Receive) -> None:
    """Wait until the client has closed the connection, after the end of its body."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if chunk := message.get("body", b""):
            yield chunk
        if not message.get("more_body", False):
            return


def _unzipped(unzip: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """A bomb comes out in pieces like anything else; what follows the gzip data's end is dropped."""
    try:
        while chunk and not unzip.eof:
            if piece := unzip.decompress(chunk, PIECE_BYTES):
                yield piece
            chunk = unzip.unconsumed_tail
    except zlib.error:
        raise Refused("The request says that it is gzip, but it is not.", status=400) from None
