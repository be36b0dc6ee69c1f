"""The bytes of one exchange: body into git, git's answer out, both at once, neither kept.

Owns back-pressure and the client's leaving. Never reads what passes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress

from starlette.types import Receive

from haibun.core.errors import Refused
from haibun.git.bodies import ClientGone, gone
from haibun.git.processes import PIPE_BYTES, Process
from haibun.git.reply import Reply

log = logging.getLogger(__name__)


async def converse(
    process: Process,
    body: AsyncIterator[bytes],
    receive: Receive,
    reply: Reply,
    beside: Awaitable[None] | None = None,
) -> None:
    """Run until the process has ended; `beside` runs along and is cancelled then, or when the client leaves.

    Raises ClientGone if the client leaves, Refused if the body is not one that git understands.
    """
    left, refusal = False, None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_feed(process, body, receive))]
            if beside is not None:
                tasks.append(group.create_task(_run(beside)))
            await pump(process, reply)
            for task in tasks:
                task.cancel()
    except* ClientGone:
        left = True
    except* Refused as refusals:
        refusal = refusals.exceptions[0]
    if refusal is not None and not left and not reply.started:
        raise refusal
    if refusal is not None or left:
        raise ClientGone


async def pump(process: Process, reply: Reply) -> None:
    """The process's output to the client until it ends. Refused (400) if it only had a complaint."""
    assert process.stdout is not None
    async with asyncio.TaskGroup() as group:
        stderr = group.create_task(process.complaint())
        while piece := await process.stdout.read(PIPE_BYTES):
            await reply.write(piece)
        code = await process.wait()
    if code != 0:
        log.warning("git ended with %s: %s", code, stderr.result())
        if not reply.started:
            raise Refused("That is not a request that git understands.", status=400)


async def _feed(process: Process, body: AsyncIterator[bytes], receive: Receive) -> None:
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
        except (OSError, RuntimeError):  # the latter is uvloop's, for a stream that it has closed
            deaf = True
    with suppress(OSError, RuntimeError):
        stdin.write_eof()
    await gone(receive)
    raise ClientGone


async def _run(awaitable: Awaitable[None]) -> None:
    await awaitable
