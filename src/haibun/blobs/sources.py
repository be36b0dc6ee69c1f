"""Source tars, what builds start from: written whole or not at all, bounded, deleted after the build.

Owns `<sources>/<id>.tar`. Never looks inside one.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from haibun.core.errors import NotFound, Refused
from haibun.core.layout import Layout
from haibun.kit.ids import is_id

LIMIT_BYTES = 1 << 30
"""Heroku: a checkout may be 1 GB."""


def path(layout: Layout, source_id: str) -> Path:
    """Where the tar is. NotFound if that is no id: nothing else may become a path."""
    if not is_id(source_id):
        raise NotFound("source")
    return layout.sources / f"{source_id}.tar"


def too_large(limit_bytes: int = LIMIT_BYTES) -> Refused:
    """The refusal of a source over the limit."""
    return Refused(
        f"The source is larger than {limit_bytes / (1 << 30):g} GB, the most that can be built. Take large "
        "files out of it (a .slugignore is too late for that) and try again.",
        id="source_too_large",
        status=413,
    )


@contextmanager
def draft(layout: Layout, source_id: str) -> Iterator[BinaryIO]:
    """A file to write the tar into; it gets its name when the block ends, or is gone if the block fails."""
    final = path(layout, source_id)
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = final.with_suffix(".part")
    try:
        fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "r+b", buffering=0) as file:
            yield file
        part.rename(final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


async def put(
    layout: Layout, source_id: str, chunks: AsyncIterable[bytes], *, limit_bytes: int = LIMIT_BYTES
) -> int:
    """Write a source from its bytes; returns how many. Refused (413), and nothing kept, over the limit."""
    size = 0
    with draft(layout, source_id) as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > limit_bytes:
                raise too_large(limit_bytes)
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
    return size


def delete(layout: Layout, source_id: str) -> None:
    """Forget a source; nothing happens if there is none."""
    path(layout, source_id).unlink(missing_ok=True)
