"""Waiting in tests: for a fact, not for a time."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(check: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until check() is true; fail if it never is."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
