"""Cgroups of dynos: made, limited, joined, read, ended. One parent `haibun-<platform id>` per hierarchy, one
child per dyno.

Made here and not by crun: the first move of a process into another cgroup waits for a grace period of the
kernel's RCU, 10 to 20 ms. hurry() has it pass while crun still does other things. On v1 crun would join nine
hierarchies where three limit anything.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from haibun.runtime.driver import Limits

Mode = Literal["v1", "v2", "hybrid"]
ROOT = Path("/sys/fs/cgroup")
USED_V1 = frozenset({"memory", "cpu", "pids"})
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

    def make_parent(self, parent: str) -> None:
        """The group above all dynos, with what its children need switched on."""
        for root in self.roots:
            (root / parent).mkdir(exist_ok=True)
        if self.mode == "v2":
            for folder in (ROOT, ROOT / parent):
                (folder / "cgroup.subtree_control").write_text("+cpu +memory +pids")

    def make(self, group: str, limits: Limits | None = None) -> None:
        """A group, with limits in force before anybody is in it. Swap counts as memory where it is counted."""
        for root in self.roots:
            (root / group).mkdir(exist_ok=True)
        if limits is None:
            return
        for name, value in _settings(self.mode, limits):
            root = self._root_of(name.split(".", 1)[0]) or self.roots[0]
            file = root / group / name
            if not name.startswith(("memory.swap", "memory.memsw")) or file.exists():
                file.write_text(value)

    def join(self, group: str, pid: int) -> None:
        """Move a process there."""
        for root in self.roots:
            (root / group / "cgroup.procs").write_text(str(pid))

    def hurry(self) -> None:
        """Have the kernel get ready for moves, by one that goes nowhere: ours to where we are. Costs a wait,
        which is why it is done in a thread of its own; that it cannot be done only costs time later."""
        with suppress(OSError):
            (self._own() / "cgroup.procs").write_text("0")

    def _own(self) -> Path:
        root = self._root_of("pids") or self.roots[0]
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == ("" if self.mode == "v2" else root.name):
                return root / path.lstrip("/")
        return root

    def file(self, group: str, v1: str, v2: str) -> str | None:
        """Text of a control file of the group, by its name in either version; None if there is none."""
        root = self._root_of(v1.split(".", 1)[0])
        if root is None:
            return None
        try:
            return (root / group / (v2 if self.mode == "v2" else v1)).read_text()
        except OSError:
            return None

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
    """What the host has, from its table of mounts. Dynos are in the hierarchies that limit something, and in
    systemd's own, so that it does not take them for part of the service that started them."""
    v1: list[Path] = []
    v2: list[Path] = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        where, kind, options = Path(left.split()[4]), right.split()[0], right.split()[2].split(",")
        if kind == "cgroup2":
            v2.append(where)
        elif kind == "cgroup" and where.parent == ROOT and (USED_V1 & set(options) or "name=systemd" in options):
            v1.append(where)
    if ROOT in v2:
        return Hierarchies("v2", (ROOT,))
    return Hierarchies("hybrid" if v2 else "v1", tuple(v1))


def _settings(mode: Mode, limits: Limits) -> list[tuple[str, str]]:
    """(control file, value), in the order in which the kernel takes them."""
    memory, shares, pids = limits.memory_mb << 20, limits.cpu_shares, ("pids.max", str(limits.processes))
    if mode == "v2":
        # 1024 shares, one dyno, are the default weight 100; the kernel's range is 1 to 10000
        weight = max(1, min(10000, shares * 100 // 1024))
        return [("memory.max", str(memory)), ("memory.swap.max", "0"), ("cpu.weight", str(weight)), pids]
    return [
        ("memory.limit_in_bytes", str(memory)),
        ("memory.memsw.limit_in_bytes", str(memory)),
        ("cpu.shares", str(shares)),
        pids,
    ]


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
