"""What is known of each dyno, in memory and in its folder, so that a new runtime finds the dynos of the old.

spec.json (0600: it has the env) says what was asked; state.json, written before the first instruction runs,
what came of it. The exit file is conmon's. Never decides what should run.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

from haibun.kit.ids import is_id
from haibun.runtime.driver import DynoSeen, DynoSpec
from haibun.runtime.oci.config import OciConfig

LOST = 137
"""Exit code of a dyno that ended unseen: the host went down, or conmon was killed."""


class State(msgspec.Struct):
    """`pid` is the dyno's first process on the host; with `born` (clock ticks since boot) and `boot` it is
    that process and no later one of the same number."""

    pid: int
    born: int
    boot: str
    conmon: int
    ip: str
    link: str
    started_at: float


@dataclass
class Record:
    """A dyno since its start. `exited` is set with its exit code."""

    spec: DynoSpec
    state: State
    exit_code: int | None = None
    exited_at: float | None = None
    oom: bool = False
    exited: asyncio.Event = field(default_factory=asyncio.Event)
    early: socket.socket | None = None
    """conmon's attach socket, connected before the start so that no output is missed."""

    def seen(self) -> DynoSeen:
        gone = self.exit_code is not None
        return DynoSeen(
            id=self.spec.id,
            app_id=self.spec.app_id,
            name=self.spec.name,
            kind=self.spec.kind,
            state="exited" if gone else "running",
            ip=self.state.ip,
            started_at=self.state.started_at,
            exit_code=self.exit_code,
            exited_at=self.exited_at,
            oom=self.oom,
        )

    def alive(self) -> bool:
        """Whether its first process is there, and is the same one."""
        return self.state.boot == boot_id() and birth(self.state.pid) == self.state.born


@cache
def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def birth(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None if it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    words = text.rpartition(")")[2].split()
    return None if words[0] in "ZX" else int(words[19])


def write_private(path: Path, data: bytes) -> None:
    """A new file only root can read. Not synced: after a power cut there is no dyno left to find."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def save_spec(folder: Path, spec: DynoSpec) -> None:
    write_private(folder / "spec.json", msgspec.json.encode(spec))


def save_state(folder: Path, state: State) -> None:
    write_private(folder / "state.json", msgspec.json.encode(state))


def read_exit(config: OciConfig, dyno_id: str) -> tuple[int, float] | None:
    """Exit code and when, as conmon left them; None while there is no exit file."""
    path = config.exits / dyno_id
    try:
        return int(path.read_text()), path.stat().st_mtime
    except (OSError, ValueError):
        return None


def load_all(config: OciConfig) -> tuple[list[Record], list[str]]:
    """(dynos found on disk, ids of leftovers that never came to run)."""
    records, leftovers = [], []
    for entry in os.scandir(config.layout.dynos):
        if not is_id(entry.name):
            continue
        record = _load(config, entry.name)
        if record is None:
            leftovers.append(entry.name)
        else:
            records.append(record)
    return records, leftovers


def _load(config: OciConfig, dyno_id: str) -> Record | None:
    folder = config.layout.dynos / dyno_id
    try:
        spec = msgspec.json.decode((folder / "spec.json").read_bytes(), type=DynoSpec)
        state = msgspec.json.decode((folder / "state.json").read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return None
    record = Record(spec, state)
    settle(config, record)
    return record


def settle(config: OciConfig, record: Record) -> bool:
    """Note the exit if there was one; True if it is news. Looks twice, since conmon writes after the end."""
    if record.exit_code is not None:
        return False
    found = read_exit(config, record.spec.id)
    if found is None and not record.alive() and not _conmon_about(record):
        found = read_exit(config, record.spec.id) or (LOST, time.time())
    if found is None:
        return False
    record.exit_code, record.exited_at = found
    return True


def _conmon_about(record: Record) -> bool:
    """conmon still there, so it will write the exit file itself."""
    if record.state.boot != boot_id():
        return False
    with suppress(OSError):
        command = Path(f"/proc/{record.state.conmon}/cmdline").read_bytes()
        return record.spec.id.encode() in command
    return False


def forget(config: OciConfig, dyno_id: str) -> None:
    """Take away everything on disk but the output file. State goes first: half gone is a leftover."""
    folder = config.layout.dynos / dyno_id
    with suppress(OSError):
        (folder / "state.json").unlink()
    with suppress(OSError):
        (config.exits / dyno_id).unlink()
    shutil.rmtree(config.crun_root / dyno_id, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
