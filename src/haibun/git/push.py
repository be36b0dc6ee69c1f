"""One push, from the moment its objects are here: decide, archive, ask for the build, relay it, give the verdict.

Owns the outer end of the talk with the hook. Never detects or compiles, and never touches a ref: git does, if the
verdict is yes.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from haibun.blobs import sources, streams
from haibun.control import builds as build_verbs
from haibun.control.context import Actor, Control
from haibun.core.errors import Refused
from haibun.core.layout import Layout
from haibun.git import archive, refs, transcript
from haibun.git.programs import Git
from haibun.kit.ids import new_id
from haibun.store.tables import builds
from haibun.wire import pkt_line

log = logging.getLogger(__name__)
CHUNK_BYTES = 32 * 1024
POLL_SECONDS = 0.01
CHECK_SECONDS = 5.0  # how often to look whether a build that says nothing is still there


@dataclass
class Push:
    """Handed to the hook's talk. `verdict` is None until the refs' fate is sealed."""

    control: Control
    layout: Layout
    git: Git
    actor: Actor
    app: Row[Any]
    repo: Path
    verdict: bool | None = None
    build_id: str | None = None
    _writer: asyncio.StreamWriter = field(init=False)

    async def attend(self, ours: socket.socket) -> None:
        """Talk with the hook until the verdict. If cancelled before that, the build is cancelled too.

        Ends at once if git never starts the hook (nothing to push, or a pack that git refuses).
        """
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            question = await _question(reader)
            if question is not None:
                await self._answer(*question)
        except (BrokenPipeError, ConnectionResetError):
            log.info("push to %s: git has ended", self.app.name)
        finally:
            self._writer.close()
            if self.build_id is not None and self.verdict is None:
                # No waiting: the build room frees the app when the build is gone.
                await asyncio.to_thread(build_verbs.cancel, self.control, self.build_id)

    async def _answer(self, quarantine: dict[str, str], lines: list[bytes]) -> None:
        try:
            plan = refs.plan(refs.parse(lines))
            for note in plan.notes:
                await self._say(note + "\n")
            accepted = plan.build is None or await self._build(plan.build, quarantine)
        except Refused as refusal:
            await self._say(transcript.warning(refusal.message))
            await self._say("\n" + transcript.rejected(self.app.name))
            accepted = False
        except Exception:
            log.exception("push to %s failed", self.app.name)
            sentences = ("The platform failed while it worked on this push.", "Push again; its log says more.")
            await self._say("\n" + transcript.warning(*sentences) + "\n" + transcript.rejected(self.app.name))
            accepted = False
        self.verdict = accepted
        await self._send(b"v0" if accepted else b"v1")

    async def _build(self, update: refs.RefUpdate, quarantine: dict[str, str]) -> bool:
        source_id = new_id()
        await self._say(transcript.COMPRESSING)
        facts = await archive.make(self.git, self.repo, update.new, quarantine, self.layout, source_id)
        try:
            if facts.commit != update.new:
                raise Refused("\n".join(transcript.annotated_tag(update.name)))
            await self._say(transcript.COMPRESSED)
            await self._warn(facts)
            build_id = await self._create(source_id, update.new)
        except BaseException:
            if self.build_id is None:
                sources.delete(self.layout, source_id)
            raise
        succeeded = await self._relay(build_id) == "succeeded"
        await self._say(transcript.VERIFIED if succeeded else transcript.rejected(self.app.name))
        return succeeded

    async def _create(self, source_id: str, commit: str) -> str:
        """Ask for the build; its id is known even to a push that is cancelled meanwhile."""
        ask = asyncio.to_thread(
            build_verbs.create,
            self.control,
            self.actor,
            self.app.id,
            source_id=source_id,
            source_version=commit,
        )
        asking = asyncio.create_task(ask)
        try:
            await asyncio.shield(asking)
        finally:  # a thread cannot be cancelled: what it has created must be known, to be cancelled in turn
            await asyncio.wait({asking})
            if asking.exception() is None:
                self.build_id = str(asking.result().id)
        return str(asking.result().id)

    async def _warn(self, facts: archive.Facts) -> None:
        if facts.has_submodules:
            await self._say(transcript.warning(*transcript.SUBMODULES))
        if facts.lfs_pointers:
            await self._say(transcript.warning(*transcript.lfs(facts.lfs_pointers, facts.lfs_example)))

    async def _relay(self, build_id: str) -> str | None:
        """The build's output to the pusher until it is finished; returns how it ended."""
        relay = asyncio.create_task(self._relay_stream(build_id))
        try:
            over = False
            while not (await asyncio.wait({relay}, timeout=CHECK_SECONDS))[0]:
                row_status = await asyncio.to_thread(self._row_status, build_id)
                if over:  # the row has been final for a whole round, yet the stream was never finished
                    return row_status
                over = row_status != "pending"
            return relay.result()
        finally:
            relay.cancel()

    async def _relay_stream(self, build_id: str) -> str | None:
        async for chunk in streams.follow(self.layout, build_id, poll_seconds=POLL_SECONDS):
            await self._say(chunk)
        return streams.status(self.layout, build_id)

    def _row_status(self, build_id: str) -> str | None:
        with self.control.store.read() as conn:
            return conn.execute(select(builds.c.status).where(builds.c.id == build_id)).scalar()

    async def _say(self, text: str | bytes) -> None:
        data = text.encode(errors="replace") if isinstance(text, str) else text
        for start in range(0, len(data), CHUNK_BYTES):
            await self._send(b"o" + data[start : start + CHUNK_BYTES])

    async def _send(self, payload: bytes) -> None:
        self._writer.write(pkt_line.encode(payload))
        await self._writer.drain()


async def _question(reader: asyncio.StreamReader) -> tuple[dict[str, str], list[bytes]] | None:
    """(quarantine variables, ref lines) as the hook sends them, or None if it never ran."""
    decoder = pkt_line.Decoder()
    parts: list[list[bytes]] = [[]]
    while piece := await reader.read(CHUNK_BYTES):
        for payload in decoder.feed(piece):
            if payload is None:
                parts.append([])
            else:
                parts[-1].append(payload)
        if len(parts) == 3:
            pairs = (payload.decode("utf-8", "surrogateescape").partition("=") for payload in parts[0])
            return {name: value for name, _, value in pairs}, parts[1]
    return None
