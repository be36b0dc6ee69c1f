"""The channel of one app: its last 1,500 lines on disk, where they came from, and who follows them.

Segments `<number>.seg` hold records (records.py), append-only; each begins with a checkpoint of all cursors, so
old ones can go as soon as newer ones hold 1,500 lines. Lines are not held in memory. One process writes.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from haibun.logplex import records
from haibun.logplex.records import Batch, Cursor
from haibun.logplex.tail import PATIENCE_SECONDS, Tail, Wanted
from haibun.wire import log_line

RING = 1_500
KEPT_SECONDS = 7 * 24 * 3600
SEGMENT_LINES = 500
SEGMENT_BYTES = 512 * 1024


@dataclass
class Segment:
    path: Path
    lines: int
    size_bytes: int


class Channel:
    """Opens what is on disk and mends a torn end. OSError if the disk fails or is full; then nothing changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.next_id = 1
        self.cursors: dict[str, Cursor] = {}
        self.tails: set[Tail] = set()
        self.used_at = time.monotonic()
        self._segments: list[Segment] = []
        self._fd: int | None = None
        for path in sorted(folder.glob("*.seg")):
            self._load(path)

    # -- in
    def append(
        self, source: str, ps: str, lines: list[bytes], cursors: dict[str, Cursor | None] | None = None
    ) -> None:
        """Keep the lines with the cursors they bring, then give them to the tails: disk first, so that an id
        that a reader has seen is never given to another line."""
        batch = Batch(self.next_id, source, ps, lines)
        # Of a great batch only the end can ever be read again.
        kept = Batch(self.next_id + max(0, len(lines) - RING), source, ps, lines[-RING:])
        self._write(kept, cursors or {})
        self.next_id += len(lines)
        self._apply(cursors or {})
        self.used_at = time.monotonic()
        if lines:
            for tail in self.tails:
                tail.offer(batch)

    def forget(self, cursor: str) -> None:
        """Drop a cursor whose file is gone."""
        if cursor in self.cursors:
            self.append("", "", [], {cursor: None})

    def sync(self) -> None:
        """Until what was appended would outlive a power cut. Call it before the input is destroyed."""
        if self._fd is not None:
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Free the file; the next append opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def expire(self) -> None:
        """Drop all lines; keep the cursors and the numbering, unless nothing reads files into it any more."""
        self.close()
        if not any(name.endswith(".log") for name in self.cursors):
            shutil.rmtree(self.folder, ignore_errors=True)
            self._segments, self.next_id, self.cursors = [], 1, {}
            return
        self._rotate()
        for segment in self._segments[:-1]:
            segment.path.unlink(missing_ok=True)
        del self._segments[:-1]

    # -- out
    def crowded(self, patience_seconds: float = PATIENCE_SECONDS) -> bool:
        """Whether a tail that does read is behind; it is given so many seconds to take something."""
        return any(tail.crowded(patience_seconds) for tail in self.tails)

    def read(self, wanted: Wanted, *, newest: int = RING, after: int | None = None) -> list[Batch]:
        """Of the ring, the lines that are wanted, oldest first: the `newest` so many, or all above id `after`."""
        found: list[Batch] = []
        ring, left = RING, newest
        oldest = log_line.stamp(time.time() - KEPT_SECONDS)
        for segment in reversed(self._segments):
            data = segment.path.read_bytes()[: segment.size_bytes]
            for header, start, end in reversed(list(records.decode(data))):
                if ring <= 0 or left <= 0 or (after is not None and header.first + header.count - 1 <= after):
                    return found[::-1]
                count = min(ring, header.count)
                ring -= header.count
                if not count or not wanted.takes(header.source, header.ps):
                    continue
                skip = header.count - min(count, left)
                if after is not None:
                    skip = max(skip, after + 1 - header.first)
                lines = list(islice(data[start : end - 1].split(b"\n"), skip, None))
                if lines[0] < oldest:
                    return found[::-1]
                found.append(Batch(header.first + skip, header.source, header.ps, lines))
                left -= len(lines)
        return found[::-1]

    # -- disk
    def _load(self, path: Path) -> None:
        data = path.read_bytes()
        segment = Segment(path, 0, 0)
        for header, _, end in records.decode(data):
            if header.checkpoint:
                self.cursors = {}
            self._apply(header.cursors)
            self.next_id = header.first + header.count
            segment.lines += header.count
            segment.size_bytes = end
        if segment.size_bytes == 0:
            path.unlink()  # torn before its checkpoint was whole: the one before it still says everything
            return
        if segment.size_bytes < len(data):
            os.truncate(path, segment.size_bytes)
        self._segments.append(segment)

    def _apply(self, cursors: dict[str, Cursor | None]) -> None:
        for name, cursor in cursors.items():
            if cursor is None:
                self.cursors.pop(name, None)
            else:
                self.cursors[name] = cursor

    def _write(self, batch: Batch, cursors: dict[str, Cursor | None]) -> None:
        last = self._segments[-1] if self._segments else None
        if last is None or last.lines >= SEGMENT_LINES or last.size_bytes >= SEGMENT_BYTES:
            self._rotate()
        elif self._fd is None:
            self._fd = os.open(last.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._put(records.encode(batch, cursors))
        self._segments[-1].lines += len(batch.lines)
        self._trim()

    def _put(self, data: bytes) -> None:
        """All of it or none: what a full disk let through is taken back."""
        assert self._fd is not None
        segment = self._segments[-1]
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError:
            os.ftruncate(self._fd, segment.size_bytes)
            raise
        segment.size_bytes += len(data)

    def _rotate(self) -> None:
        self.close()
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        # Named by a count that always grows, so that names sort as they were made even if no line came between.
        number = int(self._segments[-1].path.stem) + 1 if self._segments else 1
        path = self.folder / f"{number:020d}.seg"
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._segments.append(Segment(path, 0, 0))
        try:
            self._put(records.encode(Batch(self.next_id, "", "", []), dict(self.cursors), checkpoint=True))
        except OSError:
            self.close()
            self._segments.pop().path.unlink()
            raise

    def _trim(self) -> None:
        spare = sum(segment.lines for segment in self._segments) - RING
        while len(self._segments) > 1 and self._segments[0].lines <= spare:
            spare -= self._segments[0].lines
            self._segments.pop(0).path.unlink(missing_ok=True)
