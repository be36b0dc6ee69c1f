"""git's smart HTTP: who asks, for which app, and the git process that answers.

Owns the three addresses of a repository. Never parses packs, and keeps no part of one. See gitprotocol-http(5).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from haibun.blobs.sources import LIMIT_BYTES
from haibun.control.context import Control
from haibun.core.errors import Refused
from haibun.core.layout import Layout
from haibun.git import bodies, repos
from haibun.git.access import enter
from haibun.git.conversation import converse, pump
from haibun.git.programs import Git, prepare
from haibun.git.push import Push
from haibun.git.reply import Reply, say
from haibun.wire import pkt_line

log = logging.getLogger(__name__)
NEEDS = {"git-receive-pack": "operate", "git-upload-pack": "view"}
BODY_LIMITS = {"git-receive-pack": LIMIT_BYTES + (1 << 20), "git-upload-pack": 32 << 20}
GC_SECONDS = 600.0


def routes(control: Control, layout: Layout) -> list[Route]:
    """The addresses of the apps' repositories. Writes git's hook and settings; nothing else is to be started."""
    room = Room(control, layout, prepare(layout))
    return [
        Route("/{app}.git/info/refs", Endpoint(room.advertise), methods=["GET"]),
        Route("/{app}.git/git-receive-pack", Endpoint(room.receive_pack), methods=["POST"]),
        Route("/{app}.git/git-upload-pack", Endpoint(room.upload_pack), methods=["POST"]),
    ]


class Endpoint:
    """An ASGI app around one of the room's methods: Refused becomes a plain text answer."""

    def __init__(self, answer: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        except Refused as refusal:
            await say(send, refusal.status, f"!       {refusal.message}")
        except bodies.ClientGone:
            log.info("%s: the client has gone", scope["path"])


class Room:
    """Handed to every request."""

    def __init__(self, control: Control, layout: Layout, git: Git) -> None:
        self.control, self.layout, self.git = control, layout, git

    async def advertise(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """GET info/refs: what the repository has."""
        service = parse_qs(scope["query_string"].decode("latin-1")).get("service", [""])[0]
        if service not in NEEDS:
            raise Refused("Only git's smart HTTP is spoken here. Use git 1.6.6 or newer.", status=403)
        _, app = await enter(self.control, scope, NEEDS[service])
        repo = repos.ensure(self.layout, app.id)
        protocol = _protocol(scope) if service == "git-upload-pack" else {}
        process = await self.git.start(
            service.removeprefix("git-"), "--stateless-rpc", "--advertise-refs", str(repo), env=protocol
        )
        reply = Reply(send, f"application/x-{service}-advertisement")
        try:
            if "version=2" not in protocol.get("GIT_PROTOCOL", "").split(":"):
                await reply.write(pkt_line.encode(f"# service={service}\n".encode()) + pkt_line.FLUSH)
            await pump(process, reply)
        finally:
            await process.end()
        await reply.finish()

    async def upload_pack(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST git-upload-pack: a clone or a fetch."""
        _, app = await enter(self.control, scope, "view")
        body = _body(scope, receive, "git-upload-pack")
        repo = repos.ensure(self.layout, app.id)
        process = await self.git.start(
            "upload-pack", "--stateless-rpc", str(repo), stdin=True, env=_protocol(scope)
        )
        reply = Reply(send, "application/x-git-upload-pack-result")
        try:
            await converse(process, body, receive, reply)
        finally:
            await process.end()
        await reply.finish()

    async def receive_pack(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST git-receive-pack: a push, with its build."""
        actor, app = await enter(self.control, scope, "operate")
        body = _body(scope, receive, "git-receive-pack")
        repo = repos.ensure(self.layout, app.id)
        push = Push(self.control, self.layout, self.git, actor, app, repo)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await self.git.start(
                "receive-pack",
                "--stateless-rpc",
                str(repo),
                stdin=True,
                env={"HAIBUN_HOOK_FD": str(theirs.fileno())},
                pass_fds=(theirs.fileno(),),
            )
        reply = Reply(send, "application/x-git-receive-pack-result")
        try:
            await converse(process, body, receive, reply, push.attend(ours))
        finally:
            # Its input and its hook have ended: git takes its quarantine away, which it would not if killed. And
            # once the verdict is yes the release is out: git is to write the ref even if nobody listens.
            await process.end(grace_seconds=5.0)
        repos.point_head(repo)
        await reply.finish()
        if push.verdict:
            await self._collect_garbage(repo)

    async def _collect_garbage(self, repo: Path) -> None:
        """After the answer: git packs loose objects when there are many."""
        process = await self.git.start(f"--git-dir={repo}", "gc", "--auto", "--quiet")
        try:
            async with asyncio.timeout(GC_SECONDS):
                if said := await process.complaint():
                    log.warning("gc of %s: %s", repo, said)
                await process.wait()
        except TimeoutError:
            log.warning("gc of %s took too long and was ended", repo)
        finally:
            await process.end()


def _body(scope: Scope, receive: Receive, service: str) -> AsyncIterator[bytes]:
    headers = Headers(scope=scope)
    if headers.get("content-type") != f"application/x-{service}-request":
        raise Refused(f"This address takes application/x-{service}-request, as git sends it.", status=415)
    return bodies.pieces(receive, headers.get("content-encoding", "").lower(), BODY_LIMITS[service])


def _protocol(scope: Scope) -> dict[str, str]:
    """The client's protocol version, for git's environment; dropped unless it looks like one."""
    value = Headers(scope=scope).get("git-protocol", "")
    return {"GIT_PROTOCOL": value} if value in ("version=0", "version=1", "version=2") else {}
