"""Server-Sent Events: log lines to event bytes and back. Pure; lines have no CR and no line end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

KEEPALIVE = b": keepalive\n\n"


def encode(first_id: int, lines: Iterable[bytes]) -> bytes:
    """One event a line, ids counting up from `first_id`."""
    return b"".join([b"id: %d\ndata: %b\n\n" % event for event in enumerate(lines, first_id)])


def notice(line: bytes) -> bytes:
    """An event without an id: a reader that reconnects still names the last real line."""
    return b"data: %b\n\n" % line


class Decoder:
    """Bytes as they come -> (id or None, data). Knows id, data and comments; other fields are ignored."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[str | None, str]]:
        """Events that are complete with this data, in order."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            event_id, texts = None, []
            for row in block.split(b"\n"):
                name, _, value = row.partition(b":")
                value = value.removeprefix(b" ")
                if name == b"data":
                    texts.append(value.decode(errors="replace"))
                elif name == b"id":
                    event_id = value.decode(errors="replace")
            if texts:
                yield event_id, "\n".join(texts)
