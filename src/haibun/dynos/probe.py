"""Whether a web dyno accepts connections, asked from the router's side of its network."""

from __future__ import annotations

import asyncio
import contextlib


async def accepts(ip: str, port: int, timeout_seconds: float = 1.0) -> bool:
    """Whether a TCP connection to ip:port is accepted."""
    try:
        async with asyncio.timeout(timeout_seconds):
            _, writer = await asyncio.open_connection(ip, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def wait_until_accepts(ip: str, port: int) -> None:
    """Return once ip:port accepts. Asks often at first, so that a fast app is not kept waiting."""
    pause = 0.004
    while not await accepts(ip, port):
        await asyncio.sleep(pause)
        pause = min(pause * 1.2, 0.1)
