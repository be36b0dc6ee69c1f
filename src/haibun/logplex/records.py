"""One batch of lines on disk: a header line, then the lines. Owns the form; never opens a file.

The header carries where the lines came from (cursors), so lines and cursors reach the disk in one write: after
a crash either both are there or neither is, and nothing is lost or doubled.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

Cursor = tuple[int, bytes, bytes]
"""(offset in the file or id of the last event, partial stdout, partial stderr)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one source[ps], numbered from `first`."""

    first: int
    source: str
    ps: str
    lines: list[bytes]


class Header(msgspec.Struct, array_like=True):
    """`cursors` are what changed (None: forgotten); all there are if `checkpoint`."""

    first: int
    count: int
    size_bytes: int
    crc: int
    source: str
    ps: str
    cursors: dict[str, Cursor | None]
    checkpoint: bool = False


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Header)


def encode(batch: Batch, cursors: dict[str, Cursor | None], *, checkpoint: bool = False) -> bytes:
    """Bytes of the record, to be written at once."""
    body = b"\n".join(batch.lines) + b"\n" if batch.lines else b""
    header = Header(
        batch.first, len(batch.lines), len(body), zlib.crc32(body), batch.source, batch.ps, cursors, checkpoint
    )
    return _encoder.encode(header) + b"\n" + body


def decode(data: bytes) -> Iterator[tuple[Header, int, int]]:
    """(header, start of its lines, end of the record) of each whole record; stops at a torn or foreign one."""
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        try:
            header = _decoder.decode(data[at:end])
        except msgspec.MsgspecError:
            return
        start, at = end + 1, end + 1 + header.size_bytes
        if header.size_bytes < 0 or at > len(data) or zlib.crc32(data[start:at]) != header.crc:
            return
        yield header, start, at
