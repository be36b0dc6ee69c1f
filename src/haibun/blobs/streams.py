"""Output streams of builds and release phases: append-only files that others follow while they grow.

Owns `<streams>/<id>` (the bytes) and `<streams>/<id>.done` (the verdict, written once, last). Never reads rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

from haibun.core.errors import NotFound
from haibun.core.layout import Layout
from haibun.kit.ids import is_id

CHUNK_BYTES = 64 * 1024


def path(layout: Layout, stream_id: str) -> Path:
    """Where the bytes are. NotFound if that is no id: nothing else may become a path."""
    if not is_id(stream_id):
        raise NotFound("output stream")
    return layout.streams / stream_id


class StreamWriter:
    """Appends to one stream. A writer that comes back after a crash opens the same id and goes on."""

    def __init__(self, layout: Layout, stream_id: str) -> None:
        self._path = path(layout, stream_id)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o600)

    def write(self, data: bytes | str) -> None:
        """Append; followers see it at once."""
        rest = memoryview(data.encode() if isinstance(data, str) else data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def finish(self, status: str) -> None:
        """Close, and say that this was all. The bytes are on disk before the verdict is."""
        os.fsync(self._fd)
        done = _done(self._path)
        draft = done.with_suffix(f".{os.getpid()}")
        draft.write_text(status)
        draft.rename(done)
        self.close()

    def close(self) -> None:
        """Close without a verdict, for another writer to go on."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()


def status(layout: Layout, stream_id: str) -> str | None:
    """What finish() was told, or None while the stream may still grow."""
    try:
        return _done(path(layout, stream_id)).read_text()
    except FileNotFoundError:
        return None


async def follow(layout: Layout, stream_id: str, *, poll_seconds: float = 0.02) -> AsyncIterator[bytes]:
    """Yield the stream from its beginning, as it grows, until it is finished; every byte before it ends.

    A stream that does not exist yet is waited for. Chunks are at most CHUNK_BYTES.
    """
    file = path(layout, stream_id)
    fd = -1
    try:
        while True:
            # The verdict is looked for before the bytes: it is written after the last of them.
            done = _done(file).exists()
            if fd < 0:
                with contextlib.suppress(FileNotFoundError):
                    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            while fd >= 0 and (chunk := os.read(fd, CHUNK_BYTES)):
                yield chunk
            if done:
                return
            await asyncio.sleep(poll_seconds)
    finally:
        if fd >= 0:
            os.close(fd)


def delete(layout: Layout, stream_id: str) -> None:
    """Forget a stream; nothing happens if there is none."""
    file = path(layout, stream_id)
    _done(file).unlink(missing_ok=True)
    file.unlink(missing_ok=True)


def _done(file: Path) -> Path:
    return file.with_name(file.name + ".done")
