"""Processes of the platform: each role holds a lock while it lives, so that it is known without a parent."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from haibun.core.layout import Layout

ROLES = ("runtime", "logplex", "controller", "web")
"""In the order of their start."""


def hold_lock(layout: Layout, role: str) -> int | None:
    """Take the role's lock for as long as this process lives, through exec as well; None if another has it."""
    descriptor = os.open(layout.lock(role), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if role == "haproxy":  # the only one that becomes another program
        os.set_inheritable(descriptor, True)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def running(layout: Layout, role: str) -> int | None:
    """The pid of the role's process, or None if there is none."""
    try:
        descriptor = os.open(layout.lock(role), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 20, 0).decode().strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)


def spawn(layout: Layout, role: str) -> subprocess.Popen[bytes]:
    """Start a role in the background, its output in the platform's log folder."""
    log_file = layout.platform_logs / f"{role}.log"
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", f"haibun.roles.{role}", str(layout.data)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(descriptor)


def stop(layout: Layout, role: str, *, timeout_seconds: float = 10.0) -> None:
    """SIGTERM, then SIGKILL. Returns when the role's lock is free."""
    deadline = time.monotonic() + timeout_seconds
    asked = False
    while pid := running(layout, role):
        with contextlib.suppress(ProcessLookupError):
            if not asked:
                os.kill(pid, signal.SIGTERM)
                asked = True
            elif time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def last_lines(layout: Layout, role: str, count: int = 15) -> str:
    """The end of what a role said, for an operator who has to mend it."""
    try:
        text = (layout.platform_logs / f"{role}.log").read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-count:])


def start_logging() -> None:
    """Lines with time and level on stderr, which is the role's log file."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)


def needed_paths(layout: Layout) -> list[Path]:
    """What a role without root must be able to reach."""
    package = Path(__file__).resolve().parents[3]
    return [layout.data, layout.run, Path(sys.prefix), Path(sys.base_prefix), package]
