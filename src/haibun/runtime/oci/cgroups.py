"""Cgroups of dynos: which kind the host has, who is in one, what it uses, how it ends. crun makes them.

One parent `haibun-<platform id>` per hierarchy, one child per dyno. It never sets limits: the bundle says them.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Mode = Literal["v1", "v2", "hybrid"]
ROOT = Path("/sys/fs/cgroup")
LEAVE_SECONDS = 3.0


@dataclass(frozen=True)
class Hierarchies:
    """`mode` of the host, and the mounted hierarchies that dynos are in: one on v2, one per controller on v1."""

    mode: Mode
    roots: tuple[Path, ...]

    def _root_of(self, controller: str) -> Path | None:
        if self.mode == "v2":
            return self.roots[0]
        return next((root for root in self.roots if controller in root.name.split(",")), None)

    def file(self, group: str, v1: str, v2: str) -> str | None:
        """Text of a control file of the group, by its name in either version; None if there is none."""
        root = self._root_of(v1.split(".", 1)[0])
        if root is None:
            return None
        try:
            return (root / group / (v2 if self.mode == "v2" else v1)).read_text()
        except OSError:
            return None

    def can_limit_swap(self, parent: str) -> bool:
        """Whether the kernel counts swap; asking crun to limit it otherwise fails the dyno."""
        if self.mode == "v2":
            return (ROOT / parent / "memory.swap.max").exists()
        root = self._root_of("memory")
        return root is not None and (root / "memory.memsw.limit_in_bytes").exists()

    def processes(self, group: str) -> list[int]:
        """Host pids in the group, of its children as well."""
        root = self._root_of("pids") or self.roots[0]
        pids: list[int] = []
        for folder, _, _ in os.walk(root / group):
            with suppress(OSError):
                pids += map(int, Path(folder, "cgroup.procs").read_text().split())
        return pids

    def memory_bytes(self, group: str) -> int | None:
        """Memory in use less file cache that the kernel would drop first; None if the group is gone."""
        used = self.file(group, "memory.usage_in_bytes", "memory.current")
        stat = self.file(group, "memory.stat", "memory.stat")
        if used is None or stat is None:
            return None
        counts = dict(line.split(None, 1) for line in stat.splitlines())
        cache = counts.get("total_inactive_file" if self.mode != "v2" else "inactive_file", "0")
        return max(0, int(used) - int(cache))

    def oom(self, group: str) -> bool:
        """Whether the memory killer struck in the group."""
        text = self.file(group, "memory.oom_control", "memory.events") or ""
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in text.splitlines())

    def kill(self, group: str) -> None:
        """SIGKILL to everything in the group, by one write where the kernel can."""
        with suppress(OSError):
            if self.mode == "v2":
                (ROOT / group / "cgroup.kill").write_text("1")
                return
        for pid in self.processes(group):
            send(pid, signal.SIGKILL)

    def remove(self, group: str) -> bool:
        """Kill what is left in the group and take its directories away; False if that did not work in time."""
        deadline = time.monotonic() + LEAVE_SECONDS
        folders = [folder for root in self.roots if (folder := root / group).is_dir()]
        while folders:
            self.kill(group)
            folders = [folder for folder in folders if not _remove_tree(folder)]
            if folders and time.monotonic() > deadline:
                return False
            if folders:
                time.sleep(0.002)
        return True

    def children(self, parent: str) -> set[str]:
        """Names of the groups right under the parent, in any hierarchy."""
        found: set[str] = set()
        for root in self.roots:
            with suppress(OSError):
                found |= {entry.name for entry in os.scandir(root / parent) if entry.is_dir()}
        return found


def find() -> Hierarchies:
    """What the host has, from its table of mounts."""
    v1: list[Path] = []
    v2: list[Path] = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        where, kind, options = Path(left.split()[4]), right.split()[0], right.split()[2]
        if kind == "cgroup2":
            v2.append(where)
        elif kind == "cgroup" and ROOT in where.parents and "name=" not in options:
            v1.append(where)
    if ROOT in v2:
        return Hierarchies("v2", (ROOT,))
    named = [ROOT / "systemd"] if (ROOT / "systemd/cgroup.procs").exists() else []
    return Hierarchies("hybrid" if v2 else "v1", tuple(v1 + named))


def send(pid: int, number: int) -> None:
    """A signal to a process; one that is gone is no error."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _remove_tree(folder: Path) -> bool:
    for below, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(below)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True
