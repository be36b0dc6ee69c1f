"""pkt-line, git's framing: four hex digits of length (themselves counted), then the payload.

Owns the framing of the smart HTTP preamble and of the talk with our hook. Never reads what is inside a payload.
See gitprotocol-common(5).
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_PAYLOAD_BYTES = 65516
FLUSH = b"0000"
HEX = frozenset(b"0123456789abcdefABCDEF")


class PktLineError(ValueError):
    """The bytes are not pkt-lines."""


def encode(payload: bytes) -> bytes:
    """One pkt-line. ValueError if the payload is longer than MAX_PAYLOAD_BYTES."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PktLineError(f"a pkt-line holds {MAX_PAYLOAD_BYTES} bytes, not {len(payload)}")
    return b"%04x" % (len(payload) + 4) + payload


class Decoder:
    """Bytes in, in pieces of any size; payloads out. A flush-pkt comes out as None."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Yield what is complete. PktLineError on bytes that no pkt-line starts with."""
        self._buffer += data
        while len(self._buffer) >= 4:
            size = _length(bytes(self._buffer[:4]))
            if size == 0:
                del self._buffer[:4]
                yield None
                continue
            if len(self._buffer) < size:
                return
            payload = bytes(self._buffer[4:size])
            del self._buffer[:size]
            yield payload

    @property
    def pending_bytes(self) -> int:
        """Bytes of a pkt-line that is not complete yet."""
        return len(self._buffer)


def _length(digits: bytes) -> int:
    """0 for a flush-pkt, else the whole length. 1 to 3 are marks of protocol v2 that nobody sends us."""
    if not HEX.issuperset(digits):  # int() alone would take b" +1f"
        raise PktLineError(f"not a pkt-line: {digits!r}")
    size = int(digits, 16)
    if size in (1, 2, 3) or size > MAX_PAYLOAD_BYTES + 4:
        raise PktLineError(f"not a pkt-line: {digits!r}")
    return size
