"""A commit as a source tar, and what its headers tell about it.

Owns the `git archive` of a push and the reading of its headers. Never unpacks anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

from haibun.blobs import sources
from haibun.core.errors import Refused
from haibun.core.layout import Layout
from haibun.git.programs import Git

BLOCK = 512
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LFS_POINTER_BYTES = 1024  # pointers are smaller than this, by LFS's own rule
COMMIT = re.compile(rb"\d+ comment=([0-9a-f]{40,64})\n")
ENTRIES_READ = 20_000  # of a source, for the warnings; 2.5 us each


@dataclass(frozen=True)
class Facts:
    """`commit`: what was archived, None if it was no commit. `lfs_pointers`: how many files are no content."""

    commit: str | None
    has_submodules: bool = False
    lfs_pointers: int = 0
    lfs_example: str = ""


async def make(
    git: Git, repo: Path, commit: str, quarantine: dict[str, str], layout: Layout, source_id: str
) -> Facts:
    """Write the tree of the commit to the source blob. Refused if it is too large or is no tree."""
    with sources.draft(layout, source_id) as file:
        process = await git.start(
            f"--git-dir={repo}", "archive", "--format=tar", commit, stdout=file, env=quarantine
        )
        # git writes straight to the file; the kernel keeps the limit.
        with contextlib.suppress(ProcessLookupError):  # small sources are written by now
            limit = (sources.LIMIT_BYTES, sources.LIMIT_BYTES)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limit)
        try:
            said = await process.complaint()
            code = await process.wait()
        finally:
            await process.end()
        if code == -signal.SIGXFSZ or "File too large" in said:
            raise sources.too_large()
        if code != 0:
            raise Refused(f"The source could not be read from the pushed objects: {said[-300:]}")
        return await asyncio.to_thread(look, file.fileno())


def look(fd: int) -> Facts:
    """Read the headers of a tar that git made."""
    commit, has_submodules, pointers, example = None, False, 0, ""
    offset = 0
    for _ in range(ENTRIES_READ):
        head = os.pread(fd, 2 * BLOCK, offset)
        if len(head) < BLOCK or not head[0]:
            break
        size, kind = int(head[124:135] or b"0", 8), head[156:157]
        if kind == b"g" and (match := COMMIT.search(head, BLOCK)):
            commit = match[1].decode()
        elif kind == b"0":
            name = head[:100].rstrip(b"\0")
            has_submodules = has_submodules or (name == b".gitmodules" and not head[345])
            if size <= LFS_POINTER_BYTES and head.startswith(LFS_POINTER, BLOCK):
                pointers += 1
                example = example or name.decode(errors="replace")
        offset += BLOCK + -(-size // BLOCK) * BLOCK
    return Facts(commit, has_submodules, pointers, example)
