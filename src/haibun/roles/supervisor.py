"""Keeps the platform's processes running. Root, because it starts the runtime; it listens to nothing and
reads nothing but the roles' locks. Processes are not its children to lose: they live on without it."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from types import FrameType

from haibun.kit.backoff import wait_seconds
from haibun.roles import compose, process

log = logging.getLogger("supervisor")
WAITS_SECONDS = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_SECONDS = 60.0
LOOK_SECONDS = 0.25


def main() -> None:
    _, layout = compose.enter("supervisor", keep_root=True)
    signal.signal(signal.SIGTERM, _leave)
    starts: dict[str, list[float]] = {role: [] for role in (*process.ROLES, "haproxy")}
    children: dict[str, subprocess.Popen[bytes]] = {}
    while True:
        for role, times in starts.items():
            if _lives(children, role) or process.running(layout, role):
                continue
            now = time.monotonic()
            times[:] = [moment for moment in times if now - moment < STEADY_SECONDS]
            if times and now - times[-1] < max(2.0, wait_seconds(len(times), WAITS_SECONDS)):
                continue
            times.append(now)
            log.info("starting %s", role)
            children[role] = process.spawn(layout, role)
        time.sleep(LOOK_SECONDS)


def _lives(children: dict[str, subprocess.Popen[bytes]], role: str) -> bool:
    """Whether a process started here is still there: on a busy machine it may not hold its lock yet, and to
    start it twice would make that worse. Looking also reaps the dead. (Ignoring SIGCHLD would be inherited,
    and break git.)"""
    child = children.get(role)
    return child is not None and child.poll() is None


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
