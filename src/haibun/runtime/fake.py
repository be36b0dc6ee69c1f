"""A Driver in memory, for tests and simulations. What a dyno does is decided by `behave`, not by a machine.

It keeps the promises of the seam (idempotent start, exit codes, grace, list is the truth); it isolates and
limits nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from haibun.core.errors import Final
from haibun.kit.clock import Clock, SystemClock
from haibun.runtime.driver import DynoSeen, DynoSpec, Sealed
from haibun.runtime.oci.checks import check_id, check_spec


@dataclass(frozen=True)
class Behaviour:
    """`after_seconds`: when it exits by itself with `exit_code`; None for never. `ignores_term`: only SIGKILL
    ends it. `echoes`: what comes in on stdin goes out, and the end of it ends the dyno. `listens`: ports."""

    exit_code: int = 0
    after_seconds: float | None = None
    ignores_term: bool = False
    echoes: bool = False
    listens: tuple[int, ...] = ()
    memory_bytes: int = 10_000_000
    result: str = ""


class FakeDriver:
    """`wait` is how time passes; hand in a simulation's own. close() leaves the dynos, as the real one does:
    give `machine` of the old driver to a new one to restart it."""

    def __init__(
        self,
        behave: Callable[[DynoSpec], Behaviour] = lambda _: Behaviour(),
        *,
        clock: Clock | None = None,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        machine: dict[str, FakeDyno] | None = None,
    ) -> None:
        self._behave = behave
        self._clock = clock or SystemClock()
        self._wait = wait
        self.machine: dict[str, FakeDyno] = {} if machine is None else machine
        self._listeners: set[asyncio.Queue[DynoSeen]] = set()

    async def close(self) -> None:
        """Nothing to let go of."""

    async def start(self, spec: DynoSpec) -> DynoSeen:
        check_spec(spec)
        if spec.id not in self.machine:
            number = len(self.machine) + 1
            seen = DynoSeen(
                id=spec.id,
                app_id=spec.app_id,
                name=spec.name,
                kind=spec.kind,
                state="running",
                ip=f"10.201.{number // 250}.{number % 250 + 1}",
                started_at=self._clock.now().timestamp(),
            )
            dyno = FakeDyno(spec, seen, self._behave(spec))
            self.machine[spec.id] = dyno
            if dyno.behaviour.after_seconds is not None:
                dyno.task = asyncio.create_task(self._run(dyno, dyno.behaviour.after_seconds))
        return self.machine[spec.id].seen

    async def signal(self, dyno_id: str, number: int) -> None:
        dyno = self.machine.get(check_id(dyno_id))
        if dyno and (number == signal.SIGKILL or not dyno.behaviour.ignores_term):
            self._exit(dyno, 128 + number)

    async def stop(self, dyno_id: str, grace_seconds: float) -> DynoSeen | None:
        dyno = self.machine.get(check_id(dyno_id))
        if dyno is None:
            return None
        if grace_seconds > 0:
            await self.signal(dyno_id, signal.SIGTERM)
            if dyno.seen.state == "running":
                await self._wait(grace_seconds)
        await self.signal(dyno_id, signal.SIGKILL)
        return dyno.seen

    async def remove(self, dyno_id: str) -> None:
        await self.stop(dyno_id, 0)
        self.machine.pop(dyno_id, None)

    async def list(self) -> list[DynoSeen]:
        return [dyno.seen for dyno in self.machine.values()]

    async def changes(self) -> AsyncIterator[DynoSeen]:
        queue: asyncio.Queue[DynoSeen] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    async def attach(self, dyno_id: str) -> socket.socket:
        dyno = self._known(dyno_id)
        if dyno.seen.state == "exited":
            raise Final("attach", f"{dyno.spec.name} has exited.")
        theirs, ours = socket.socketpair()
        dyno.task = asyncio.create_task(self._echo(dyno, ours))
        return theirs

    async def resize(self, dyno_id: str, rows: int, cols: int) -> None:
        if dyno := self.machine.get(check_id(dyno_id)):
            dyno.spec = replace(dyno.spec, rows=rows, cols=cols)

    async def listening(self, dyno_id: str, port: int) -> str | None:
        return "any" if port in self._known(dyno_id).behaviour.listens else None

    async def seal(self, dyno_id: str, slug_id: str) -> Sealed:
        dyno = self._known(dyno_id)
        check_id(slug_id, "slug id")
        if dyno.spec.kind != "build" or dyno.seen.state != "exited":
            raise Final("seal", f"{dyno.spec.name} is not a build that has ended; only that becomes a slug.")
        digest = hashlib.sha256(slug_id.encode()).hexdigest()
        return Sealed(slug_id, 4096, f"SHA256:{digest}", dyno.behaviour.result)

    async def memory_bytes(self, dyno_id: str) -> int | None:
        dyno = self.machine.get(check_id(dyno_id))
        return dyno.behaviour.memory_bytes if dyno and dyno.seen.state == "running" else None

    def end(self, dyno_id: str, exit_code: int, *, oom: bool = False) -> None:
        """For tests: the dyno ends by itself."""
        self._exit(self._known(dyno_id), exit_code, oom=oom)

    def _known(self, dyno_id: str) -> FakeDyno:
        dyno = self.machine.get(check_id(dyno_id))
        if dyno is None:
            raise Final("gone", f"There is no dyno {dyno_id} here.")
        return dyno

    async def _run(self, dyno: FakeDyno, seconds: float) -> None:
        await self._wait(seconds)
        self._exit(dyno, dyno.behaviour.exit_code)

    async def _echo(self, dyno: FakeDyno, ours: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        ours.setblocking(False)
        with ours:
            while data := await loop.sock_recv(ours, 65536):
                if dyno.behaviour.echoes:
                    await loop.sock_sendall(ours, data)
        self._exit(dyno, dyno.behaviour.exit_code)

    def _exit(self, dyno: FakeDyno, code: int, *, oom: bool = False) -> None:
        if dyno.seen.state == "exited":
            return
        now = self._clock.now().timestamp()
        dyno.seen = replace(dyno.seen, state="exited", exit_code=code, exited_at=now, oom=oom)
        for queue in self._listeners:
            queue.put_nowait(dyno.seen)


@dataclass
class FakeDyno:
    """One dyno of the pretended machine."""

    spec: DynoSpec
    seen: DynoSeen
    behaviour: Behaviour
    task: asyncio.Task[None] | None = None
