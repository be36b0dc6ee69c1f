"""Ends everything a local runtime ever made on this host, whether or not the runtime is alive. Keeps data:
slugs, caches, output. Used when a platform is taken down with its dynos."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from haibun.core.errors import Temporary
from haibun.kit.ids import is_id
from haibun.runtime.oci import cgroups, firewall, records
from haibun.runtime.oci.config import OciConfig

GRACE_SECONDS = 30.0
CONMON_SECONDS = 5.0


def teardown(config: OciConfig, dynos: bool = True, grace_seconds: float = GRACE_SECONDS) -> None:
    """Stop all dynos (SIGTERM, then SIGKILL after the grace), remove them, their cgroups, the nftables table
    and the run folders. With dynos=False only if none runs. The runtime must not be running.

    Temporary if something would not go away; calling again is safe.
    """
    hierarchies = cgroups.find()
    running = [dyno for dyno in _ids(config, hierarchies) if hierarchies.processes(f"{config.cgroup}/{dyno}")]
    if running and not dynos:
        return
    _end(config, hierarchies, running, grace_seconds)
    watchers = _conmons(config)
    for dyno in _ids(config, hierarchies):
        if not hierarchies.remove(f"{config.cgroup}/{dyno}"):
            raise Temporary(f"The cgroup of dyno {dyno} cannot be removed: a process in it does not die.")
    _await_end(watchers)  # they write exit files, which would come back after the sweep
    for dyno in _ids(config, hierarchies):
        records.forget(config, dyno)
    hierarchies.remove(config.cgroup)
    firewall.unload(config)
    shutil.rmtree(config.crun_root, ignore_errors=True)
    with suppress(OSError):
        config.staging.rmdir()
        config.folder.rmdir()


def _ids(config: OciConfig, hierarchies: cgroups.Hierarchies) -> list[str]:
    """Every dyno there is a trace of."""
    names = hierarchies.children(config.cgroup)
    for folder in (config.layout.dynos, config.crun_root, config.exits):
        with suppress(OSError):
            names |= set(os.listdir(folder))
    return sorted(filter(is_id, names))


def _end(config: OciConfig, hierarchies: cgroups.Hierarchies, dynos: list[str], grace_seconds: float) -> None:
    groups = [f"{config.cgroup}/{dyno}" for dyno in dynos]
    for group in groups:
        for pid in hierarchies.processes(group):
            cgroups.send(pid, 15)
    deadline = time.monotonic() + grace_seconds
    while any(map(hierarchies.processes, groups)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for group in groups:
        hierarchies.kill(group)


def _conmons(config: OciConfig) -> list[tuple[int, int]]:
    """(pid, birth) of the watching processes that are still those of our dynos."""
    found = []
    for path in config.layout.dynos.glob("*/conmon.pid"):
        with suppress(OSError, ValueError):
            pid = int(path.read_text())
            born = records.birth(pid)
            if born is not None and path.parent.name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append((pid, born))
    return found


def _await_end(watchers: list[tuple[int, int]]) -> None:
    deadline = time.monotonic() + CONMON_SECONDS
    while any(records.birth(pid) == born for pid, born in watchers):
        if time.monotonic() > deadline:
            for pid, born in watchers:
                if records.birth(pid) == born:
                    cgroups.send(pid, 9)
            return
        time.sleep(0.01)
