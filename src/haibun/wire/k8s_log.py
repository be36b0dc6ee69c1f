"""conmon's k8s-file form: `2026-11-23T23:00:00.123456789+00:00 stdout F text`, one record a line.

The head is always 45 bytes: the time with nanoseconds and the host's zone, stdout or stderr, F (full line) or
P (partial: the text goes on in the stream's next record). conmon cuts after what one read gave it (8 or 32 KB),
and gives every record of one read the same time. Pure; files and offsets are the caller's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from haibun.wire import log_line

HEAD = 45
_UTC_FULL = frozenset((b"+00:00 stdout F ", b"+00:00 stderr F "))
_HEAD = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d (stdout|stderr) ([FP]) ")

Carry = dict[bytes, bytes]
"""Stream name -> text of its partial records so far; changed in place, empty between lines."""


def decode(records: bytes, mark: bytes, carry: Carry, now: bytes) -> list[bytes]:
    """Whole records (ending in a line end) -> log lines without line ends.

    `mark` is log_line.mark() of the dyno; `now` the stamp for a record whose head cannot be read.
    """
    rows = records.split(b"\n")
    rows.pop()
    if not carry and log_line.is_clean(records):
        # Nearly every batch of nearly every app: nothing but slices, at about 0.2 us a line.
        lines = [row[:26] + mark + row[HEAD:] for row in rows if row[29:HEAD] in _UTC_FULL]
        if len(lines) == len(rows) and max(map(len, rows), default=0) <= HEAD + log_line.LIMIT:
            return lines
    found: list[bytes] = []
    for row in rows:
        _record(row, mark, carry, now, found)
    return found


def flush(mark: bytes, carry: Carry, now: bytes) -> list[bytes]:
    """Lines of what was left without a line end when the dyno went; empties the carry."""
    lines = [now[:26] + mark + part for text in carry.values() for part in log_line.pieces(log_line.clean(text))]
    carry.clear()
    return lines


def _record(row: bytes, mark: bytes, carry: Carry, now: bytes, found: list[bytes]) -> None:
    head = _HEAD.match(row)
    if head is None:
        start, stream, partial, text = now[:26] + mark, b"stdout", False, row
    else:
        start, stream, partial, text = _utc(row) + mark, head[1], head[2] == b"P", row[HEAD:]
    text = carry.pop(stream, b"") + text
    if partial:
        # Strictly longer: exactly LIMIT bytes wait for their line end, which would else be a line of its own.
        while len(text) > log_line.LIMIT:
            at = log_line.cut(text)
            found.extend(start + part for part in log_line.pieces(log_line.clean(text[:at])))
            text = text[at:]
        carry[stream] = text
        return
    found.extend(start + part for part in log_line.pieces(log_line.clean(text)))


def _utc(row: bytes) -> bytes:
    """The record's time in UTC, 26 bytes, down to microseconds."""
    if row[29:35] == b"+00:00":
        return row[:26]
    return _second_in_utc(row[:19], row[29:35]) + row[19:26]


@lru_cache(maxsize=64)
def _second_in_utc(second: bytes, zone: bytes) -> bytes:
    try:
        return datetime.fromisoformat((second + zone).decode()).astimezone(UTC).isoformat()[:19].encode()
    except (ValueError, OverflowError):
        return second
