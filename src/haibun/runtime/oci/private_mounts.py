"""Threads that live in a mount namespace of the runtime's own, where all its mounts are.

Nothing is ever mounted on the host, so nothing is left there when the runtime is killed. Each thread enters
by itself; the rest of the process stays where it was. It never knows what is mounted, or why.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from haibun.runtime.oci import syscalls as sc

P = ParamSpec("P")
T = TypeVar("T")


class PrivateMounts:
    """`staging` is an empty directory of the host; inside there is a tmpfs on it."""

    def __init__(self, staging: Path, hybrid: bool, threads: int = 6) -> None:
        self._staging = staging
        self._hybrid = hybrid
        self._lock = threading.Lock()
        self._namespace = -1
        self._pool = ThreadPoolExecutor(threads, "haibun-mounts", initializer=self.enter)

    @property
    def executor(self) -> ThreadPoolExecutor:
        return self._pool

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it inside, and wait."""
        return self._pool.submit(work, *args, **kwargs).result()

    def enter(self) -> None:
        """Move the calling thread inside; the first to come makes the namespace."""
        with self._lock:
            if self._namespace >= 0:
                # setns refuses threads that share their working directory and root
                sc.unshare(sc.CLONE_FS)
                sc.setns(self._namespace, sc.CLONE_NEWNS)
                return
            sc.unshare(sc.CLONE_NEWNS)
            self._furnish()
            self._namespace = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    def _furnish(self) -> None:
        sc.mount("none", "/", flags=sc.MS_REC | sc.MS_PRIVATE)
        if self._hybrid:
            sc.detach("/sys/fs/cgroup/unified")  # crun 1.8 refuses to work where it sees both kinds
        sc.mount("tmpfs", str(self._staging), "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "mode=711,size=64m")
        for name in ("root", "slug", "sys", "base"):
            (self._staging / name).mkdir(mode=0o711)

    def close(self) -> None:
        """End the threads. Dynos keep what they use; the rest of the mounts go."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._namespace >= 0:
            os.close(self._namespace)
            self._namespace = -1
