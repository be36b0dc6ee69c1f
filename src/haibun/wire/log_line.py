"""A log line as people read it: `<ISO-8601, microseconds, +00:00> <source>[<ps>]: <message>`.

Owns the form of a line, the clean-up of what a program printed, and the cut at 10,000 bytes. Never reads a clock.
"""

from __future__ import annotations

from datetime import UTC, datetime

LIMIT = 10_000
"""Bytes of a message; what is longer becomes several lines (Heroku's logplex does the same)."""
_REPLACEMENT = "\ufffd".encode()


def stamp(time: datetime | float) -> bytes:
    """An aware datetime or unix seconds -> `2026-11-23T23:00:00.123456+00:00`, always UTC."""
    moment = time.astimezone(UTC) if isinstance(time, datetime) else datetime.fromtimestamp(time, UTC)
    return moment.isoformat(timespec="microseconds").encode()


def mark(source: str, ps: str) -> bytes:
    """What stands between the time's microseconds and the message: `+00:00 app[web.1]: `."""
    return f"+00:00 {source}[{ps}]: ".encode()


def line(time: datetime | float, source: str, ps: str, message: bytes) -> bytes:
    """One line, without its line end. `message` must be clean and within LIMIT."""
    return stamp(time)[:26] + mark(source, ps) + message


def is_clean(data: bytes) -> bool:
    """Whether there is nothing for clean() to do in any part of `data` that was cut at line ends."""
    if b"\r" in data or b"\0" in data:
        return False
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def clean(message: bytes) -> bytes:
    """Valid UTF-8 on one line: a trailing CR goes, an inner CR is a space, NUL and bad bytes are U+FFFD.

    An inner CR must go because Server-Sent Events take it for a line end: a program could forge fields.
    """
    message = message.rstrip(b"\r").replace(b"\r", b" ").replace(b"\n", b" ").replace(b"\0", _REPLACEMENT)
    return message if message.isascii() else message.decode(errors="replace").encode()


def pieces(message: bytes) -> list[bytes]:
    """A clean message in pieces of at most LIMIT bytes that keep characters whole; [b''] for an empty one."""
    if len(message) <= LIMIT:
        return [message]
    found = []
    while len(message) > LIMIT:
        at = cut(message)
        found.append(message[:at])
        message = message[at:]
    return [*found, message]


def cut(message: bytes) -> int:
    """Where to cut a message of more than LIMIT bytes: there, or just before the character that spans it."""
    at = LIMIT
    while at > LIMIT - 4 and message[at] & 0xC0 == 0x80:
        at -= 1
    return at if message[at] & 0xC0 != 0x80 else LIMIT
