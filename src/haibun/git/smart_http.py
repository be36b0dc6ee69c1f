"""git's smart HTTP: who asks, for which app, and the git process that answers.

Owns the three addresses of a repository. Never parses packs, and keeps no part of one. See gitprotocol-http(5).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import Row
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from haibun.blobs.sources import LIMIT_BYTES
from haibun.control import authorizations
from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.errors import NotFound, Refused, Unauthorized
from haibun.core.layout import Layout
from haibun.core.names import APP_NAME
from haibun.git import bodies, repos
from haibun.git.programs import Git, complaint, end, prepare
from haibun.git.push import Push
from haibun.git.reply import Reply, say
from haibun.wire import pkt_line

log = logging.getLogger(__name__)
NEEDS = {"git-receive-pack": "operate", "git-upload-pack": "view"}
BODY_LIMITS = {"git-receive-pack": LIMIT_BYTES + (1 << 20), "git-upload-pack": 32 << 20}
PIPE_BYTES = 64 * 1024
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
        _, app = await self._enter(scope, NEEDS[service])
        repo = repos.ensure(self.layout, app.id)
        protocol = _protocol(scope) if service == "git-upload-pack" else {}
        process = await self.git.start(
            service.removeprefix("git-"), "--stateless-rpc", "--advertise-refs", str(repo), env=protocol
        )
        reply = Reply(send, f"application/x-{service}-advertisement")
        try:
            if "version=2" not in protocol.get("GIT_PROTOCOL", "").split(":"):
                await reply.write(pkt_line.encode(f"# service={service}\n".encode()) + pkt_line.FLUSH)
            await self._pump(process, reply)
        finally:
            await end(process)
        await reply.finish()

    async def upload_pack(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST git-upload-pack: a clone or a fetch."""
        _, app = await self._enter(scope, "view")
        body = _body(scope, receive, "git-upload-pack")
        repo = repos.ensure(self.layout, app.id)
        process = await self.git.start(
            "upload-pack", "--stateless-rpc", str(repo), stdin=PIPE, env=_protocol(scope)
        )
        reply = Reply(send, "application/x-git-upload-pack-result")
        try:
            await self._converse(process, body, receive, reply)
        finally:
            await end(process)
        await reply.finish()

    async def receive_pack(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST git-receive-pack: a push, with its build."""
        actor, app = await self._enter(scope, "operate")
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
                stdin=PIPE,
                env={"HAIBUN_HOOK_FD": str(theirs.fileno())},
                pass_fds=(theirs.fileno(),),
            )
        reply = Reply(send, "application/x-git-receive-pack-result")
        try:
            await self._converse(process, body, receive, reply, push, ours)
        finally:
            # Once the verdict is yes the release is out: let git write the ref even if nobody listens.
            await end(process, grace_seconds=5.0 if push.verdict else 0.0)
        repos.point_head(repo)
        await reply.finish()
        if push.verdict:
            await self._collect_garbage(repo)

    async def _enter(self, scope: Scope, need: str) -> tuple[Actor, Row[Any]]:
        """Who asks, and the app they may do this to. Refused with what git shows best."""
        token = _token(Headers(scope=scope).get("authorization", ""))
        name = scope["path_params"]["app"]

        def check() -> tuple[Actor, Row[Any]]:
            actor = authorizations.authenticate(self.control, token)
            if not APP_NAME.fullmatch(name):
                raise NotFound("app")
            with self.control.store.read() as conn:
                return actor, app_for(conn, actor, name, need)

        return await asyncio.to_thread(check)

    async def _converse(
        self,
        process: Process,
        body: Any,
        receive: Receive,
        reply: Reply,
        push: Push | None = None,
        ours: socket.socket | None = None,
    ) -> None:
        """Body in, answer out, both at once, neither kept, until the process has ended.

        Raises ClientGone if the client leaves, Refused if the body is not one that git understands.
        """
        gone, refusal = False, None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_feed(process, body, receive))]
                if push is not None and ours is not None:
                    tasks.append(group.create_task(push.attend(ours)))
                await self._pump(process, reply)
                for task in tasks:
                    task.cancel()
        except* bodies.ClientGone:
            gone = True
        except* Refused as refusals:
            refusal = refusals.exceptions[0]
        if refusal is not None and not reply.started and not gone:
            raise refusal
        if refusal is not None or gone:
            raise bodies.ClientGone

    async def _pump(self, process: Process, reply: Reply) -> None:
        """The process's output to the client until it ends. Refused if it had nothing to say but a complaint."""
        assert process.stdout is not None
        async with asyncio.TaskGroup() as group:
            stderr = group.create_task(complaint(process))
            while piece := await process.stdout.read(PIPE_BYTES):
                await reply.write(piece)
            code = await process.wait()
        if code != 0:
            log.warning("git ended with %s: %s", code, stderr.result())
            if not reply.started:
                raise Refused("That is not a request that git understands.", status=400)

    async def _collect_garbage(self, repo: Any) -> None:
        """After the answer: git packs loose objects when there are many."""
        process = await self.git.start(f"--git-dir={repo}", "gc", "--auto", "--quiet")
        try:
            async with asyncio.timeout(GC_SECONDS):
                await process.communicate()
        except TimeoutError:
            log.warning("gc of %s took too long and was ended", repo)
        finally:
            await end(process)


async def _feed(process: Process, body: Any, receive: Receive) -> None:
    """The request's body into the process, then wait for the client to leave: ClientGone when it does."""
    stdin = process.stdin
    assert stdin is not None
    deaf = False
    async for piece in body:
        if deaf:
            continue  # git has said no already; the client reads that once it has sent everything
        try:
            stdin.write(piece)
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError, RuntimeError):  # the last one is uvloop's
            deaf = True
    stdin.close()
    await bodies.gone(receive)
    raise bodies.ClientGone


def _body(scope: Scope, receive: Receive, service: str) -> Any:
    headers = Headers(scope=scope)
    if headers.get("content-type") != f"application/x-{service}-request":
        raise Refused(f"This address takes application/x-{service}-request, as git sends it.", status=415)
    return bodies.pieces(receive, headers.get("content-encoding", "").lower(), BODY_LIMITS[service])


def _protocol(scope: Scope) -> dict[str, str]:
    """The client's protocol version, for git's environment; dropped unless it looks like one."""
    value = Headers(scope=scope).get("git-protocol", "")
    return {"GIT_PROTOCOL": value} if value in ("version=0", "version=1", "version=2") else {}


def _token(authorization: str) -> str:
    """The password of Basic authentication. Unauthorized if there is none."""
    scheme, _, value = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        _, colon, token = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Unauthorized("Sign in with any user name and an API token as the password.") from None
    if not colon or not token:
        raise Unauthorized("Sign in with any user name and an API token as the password.")
    return token
