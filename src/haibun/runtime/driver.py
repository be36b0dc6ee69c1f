"""The one seam to run a dyno. A driver knows containers; it knows no releases, restarts or SQL.

Drivers: oci/ (crun + conmon on this machine), fake.py (tests, simulations), client.py (speaks to the
privileged process that holds the oci driver, over a unix socket). All pass tests/contracts/test_driver.py.

Phases of a dyno as a driver sees it only grow: `running` -> `exited`; a removed dyno is not listed any more.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["run", "build"]
State = Literal["running", "exited"]


@dataclass(frozen=True)
class Limits:
    """What a dyno may use. cpu_shares: 1024 is one share (cgroup v1 cpu.shares; v2 weight is derived)."""

    memory_mb: int = 512
    cpu_shares: int = 1024
    processes: int = 256


@dataclass(frozen=True)
class DynoSpec:
    """Everything needed to run one attempt, and nothing about why.

    `id` is the attempt's uuid; start() with an id that exists changes nothing (idempotent).
    `name` is the slot, e.g. web.1 or run.4711; also the hostname inside.
    `uid_base`: host uid of the container's root; 65536 ids from there are the app's own. The process runs
    as uid 1000 inside.
    `slug_id` (kind run): mounted so that its files are at /app, a writable layer above.
    `source_id` and `cache_id` (kind build): /source.tar read-only, /app empty and writable, BUILD dir writable
    at `build_dir`, the app's cache at /cache, /result writable, the built-in buildpacks at /haibun read-only.
    `env` is complete: the driver adds nothing. `argv` is run as it is, cwd /app, under an init that reaps.
    `tty`: a terminal of rows x cols, else pipes. `stdin`: keep standard input open for attach().
    Without `stdin` output goes to the app's output folder as `<app_id>/<name>.<id>.log`; with it, output
    goes to the attached client and the file both.
    """

    id: str
    app_id: str
    name: str
    kind: Kind
    stack: str
    uid_base: int
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    slug_id: str | None = None
    source_id: str | None = None
    cache_id: str | None = None
    build_dir: str | None = None
    env_dir: dict[str, str] = field(default_factory=dict)
    """kind build: files at /env, name -> content, readable by the dyno's user only."""
    port: int | None = None
    """where the dyno is told to listen; listening() looks for it."""
    tty: bool = False
    stdin: bool = False
    rows: int = 24
    cols: int = 80


@dataclass(frozen=True)
class DynoSeen:
    """What is true of a dyno now. `ip` is where the router reaches it (IPv4). Times are unix seconds.

    `exit_code` follows the shell: 128 + signal number when a signal ended it. `oom`: the kernel's memory
    killer struck inside.
    """

    id: str
    app_id: str
    name: str
    kind: Kind
    state: State
    ip: str | None
    started_at: float
    exit_code: int | None = None
    exited_at: float | None = None
    oom: bool = False


@dataclass(frozen=True)
class Sealed:
    """A slug made of a build dyno's BUILD dir. `checksum` is `SHA256:<hex>` of the squashfs image; `result`
    is the text of /result/build.json that the build left ('' if none; at most 1 MB is read)."""

    slug_id: str
    size_bytes: int
    checksum: str
    result: str


class Driver(Protocol):
    """Every method may raise Temporary (the engine is away) or Final (it will never work, and why)."""

    async def start(self, spec: DynoSpec) -> DynoSeen:
        """Make the dyno from scratch and start it. Idempotent by spec.id."""
        ...

    async def signal(self, dyno_id: str, number: int) -> None:
        """Send a signal to every process of the dyno. A dyno that is gone is no error."""
        ...

    async def stop(self, dyno_id: str, grace_seconds: float) -> DynoSeen | None:
        """SIGTERM to every process, SIGKILL to what is left after the grace; returns when it has exited.
        None if there is no such dyno."""
        ...

    async def remove(self, dyno_id: str) -> None:
        """Kill if need be, forget, and free everything of it but its output file. No error if gone."""
        ...

    async def list(self) -> list[DynoSeen]:
        """The truth, after a restart as well. Exited dynos are listed until removed."""
        ...

    def changes(self) -> AsyncIterator[DynoSeen]:
        """Dynos as they exit, soon after. May miss some: list() is the truth."""
        ...

    async def attach(self, dyno_id: str) -> socket.socket:
        """A connected stream socket: what is written goes to the dyno's stdin (half-close = EOF), what is
        read is its output (stdout and stderr together), end of stream when it exits. Final if not possible."""
        ...

    async def resize(self, dyno_id: str, rows: int, cols: int) -> None:
        """Tell the terminal its new size. No error if there is none."""
        ...

    async def listening(self, dyno_id: str, port: int) -> str | None:
        """Where something listens on `port` inside: 'any', 'loopback', or None. For messages to the user."""
        ...

    async def seal(self, dyno_id: str, slug_id: str) -> Sealed:
        """Turn the BUILD dir of an exited build dyno into the slug `slug_id`. Idempotent."""
        ...

    async def memory_bytes(self, dyno_id: str) -> int | None:
        """Memory the dyno uses now, None if unknown."""
        ...
