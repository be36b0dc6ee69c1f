"""One dyno's output file: reads what is new into the app's channel, gives back what was read.

Owns the file from the dyno's first byte to its removal. Never writes to it.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from haibun.logplex import linux
from haibun.logplex.channel import Channel
from haibun.logplex.tail import PATIENCE_SECONDS
from haibun.wire import k8s_log, log_line

NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*\.\d+)\.([A-Za-z0-9_-]+)\.log")
CHUNK_BYTES = 256 * 1024
PUNCH_BYTES = 4 * 1024 * 1024
_BLOCK = 4096
BACKLOG_BYTES = 256 * 1024 * 1024
"""So much may wait in a file for a tail that reads; beyond it the tail loses lines instead."""


class Output:
    """`<dyno name>.<dyno id>.log`. Blocking calls are short: one chunk each."""

    def __init__(self, path: Path, app_id: str) -> None:
        match = NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"not a dyno's output: {path}")
        self.path = path
        self.app_id = app_id
        self.dyno_name, self.dyno_id = match[1], match[2]
        self.changed_at = time.monotonic()
        self._mark = log_line.mark("app", self.dyno_name)
        self._offset: int | None = None
        self._carry: k8s_log.Carry = {}
        self._kept = 0  # the offset that is on disk
        self._punched = 0

    @property
    def position(self) -> int | None:
        """How far it was read; None before the first look."""
        return self._offset

    @staticmethod
    def is_ours(name: str) -> bool:
        """Whether the file of that name is app log: not a build's, not an attached run's."""
        return bool(NAME.fullmatch(name)) and not name.startswith("build.")

    def read(self, channel: Channel) -> bool:
        """Take in the next chunk. True if there is more to read now. OSError if the channel's disk fails."""
        self._begin(channel)
        assert self._offset is not None
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            size = os.fstat(fd).st_size
            if size < self._offset:  # somebody emptied it
                self._offset = self._kept = self._punched = 0
            # The fuller the file, the less is a tail waited for: the disk is bounded, whatever readers do.
            if channel.crowded(PATIENCE_SECONDS * (1 - (size - self._offset) / BACKLOG_BYTES)):
                return size > self._offset
            chunk = os.pread(fd, CHUNK_BYTES, self._offset)
        finally:
            os.close(fd)
        return self._take(channel, chunk) and self._offset < size

    def finish(self, channel: Channel) -> None:
        """The dyno is gone and read() has said False: take what has no line end, then remove the file."""
        self._begin(channel)
        assert self._offset is not None
        with self.path.open("rb") as file:
            file.seek(self._offset)
            rest = file.read(CHUNK_BYTES)
        now = log_line.stamp(time.time())
        lines = k8s_log.decode(rest + b"\n", self._mark, self._carry, now) if rest else []
        lines += k8s_log.flush(self._mark, self._carry, now)
        if lines:
            channel.append("app", self.dyno_name, lines, {self.path.name: (self._offset + len(rest), b"", b"")})
        channel.sync()
        self.path.unlink(missing_ok=True)
        channel.forget(self.path.name)

    def give_back(self, channel: Channel) -> None:
        """Free the blocks of what was read, when they are many and the lines are safe on disk."""
        end = self._kept - self._kept % _BLOCK
        if end - self._punched < PUNCH_BYTES:
            return
        channel.sync()
        fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            # From the start: cheap where there is a hole already, and true after a restart.
            linux.punch(fd, 0, end)
        finally:
            os.close(fd)
        self._punched = end

    def _begin(self, channel: Channel) -> None:
        if self._offset is None:
            offset, out, err = channel.cursors.get(self.path.name, (0, b"", b""))
            self._offset = self._kept = offset
            self._carry = {name: text for name, text in ((b"stdout", out), (b"stderr", err)) if text}

    def _take(self, channel: Channel, chunk: bytes) -> bool:
        """Whether anything was taken."""
        assert self._offset is not None
        end = chunk.rfind(b"\n") + 1
        if end == 0:
            if len(chunk) < CHUNK_BYTES:
                return False  # a record that is being written, or nothing
            end = CHUNK_BYTES  # no record is that long: not conmon's writing; say it as lines
        chunk = chunk[:end] if chunk[end - 1 : end] == b"\n" else chunk[:end] + b"\n"
        carry = dict(self._carry)
        lines = k8s_log.decode(chunk, self._mark, carry, log_line.stamp(time.time()))
        offset = self._offset + end
        if lines:
            # Without lines nothing is written: the partial records are simply read again after a restart.
            place = (offset, carry.get(b"stdout", b""), carry.get(b"stderr", b""))
            channel.append("app", self.dyno_name, lines, {self.path.name: place})
            self._kept = offset
        self._offset, self._carry = offset, carry
        self.changed_at = time.monotonic()
        return True
