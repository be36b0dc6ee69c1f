"""Hands certificates to a running HAProxy: new hosts as they come, renewals in time.

Owns the commands for it; tls.py makes the certificates.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from haibun.core.errors import Temporary
from haibun.router import tls
from haibun.router.admin import HaproxyAdmin
from haibun.router.config import Edge
from haibun.router.table import RouteTable

RENEW_LOOK_SECONDS = 6 * 3600.0


class RouterCerts:
    """Knows which hosts' certificates are loaded; forgets it when HAProxy is another one."""

    def __init__(self, admin: HaproxyAdmin, edge: Edge) -> None:
        self._admin = admin
        self._edge = edge
        self._done: set[str] = set()
        self._looked = time.monotonic()

    async def ensure(self, wanted: RouteTable) -> None:
        """Every host of the table that needs a certificate of its own has one, in HAProxy too."""
        hosts = {host for app in wanted.apps for host in app.hosts if tls.needs_own_cert(host, self._edge.domain)}
        now = time.monotonic()
        if now - self._looked > RENEW_LOOK_SECONDS:
            self._done, self._looked = set(), now
            await self._renew_default()
        new = sorted(hosts - self._done)
        if not new:
            return
        loaded = await self._loaded()
        for host in new:
            path = tls.host_cert_path(self._admin.layout, host)
            fresh = await asyncio.to_thread(tls.ensure_host_cert, self._admin.layout, host)
            if str(path) not in loaded:
                await self._load(path, new=True)
            elif fresh:
                await self._load(path, new=False)
            self._done.add(host)
        tls.write_crt_list(self._admin.layout)

    async def _renew_default(self) -> None:
        path = tls.default_cert_path(self._admin.layout)
        before = path.read_bytes()
        tls.ensure_default_cert(self._admin.layout, self._edge.domain)
        if path.read_bytes() != before:
            await self._load(path, new=False)

    async def _loaded(self) -> set[str]:
        answer = await self._admin.ask(f"show ssl crt-list {self._crt_list}")
        return {line.split()[0] for line in answer.splitlines() if line.startswith("/")}

    @property
    def _crt_list(self) -> Path:
        return self._admin.layout.haproxy / "crt-list"

    async def _load(self, path: Path, *, new: bool) -> None:
        pem = path.read_text().strip()
        if new:
            # Left over from an attempt that did not get to its end; the answer does not matter.
            await self._admin.ask(f"abort ssl cert {path}; del ssl cert {path}")
            await self._expect(f"new ssl cert {path}", "New empty certificate")
        await self._expect(f"set ssl cert {path} <<\n{pem}\n", "ransaction")
        await self._expect(f"commit ssl cert {path}", "Success")
        if new:
            await self._expect(f"add ssl crt-list {self._crt_list} {path}", "Success")

    async def _expect(self, command: str, word: str) -> None:
        answer = await self._admin.ask(command)
        if word not in answer:
            raise Temporary(
                f"HAProxy refused `{command.splitlines()[0]}`: {answer.strip()[:200]}", after_seconds=5
            )
