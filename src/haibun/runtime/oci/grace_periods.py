"""Hastens the kernel while a dyno starts: moving into a cgroup waits for an RCU grace period, 10 to 30 ms on a
machine that is otherwise idle, and a fraction of one when the kernel expedites them. Host-wide, and so only for
as long as it is needed; an operator who has set it keeps it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

SWITCH = Path("/sys/kernel/rcu_expedited")


class Hurry:
    """Use as a context, on one thread; may be entered again inside. Without the switch it does nothing."""

    def __init__(self, switch: Path = SWITCH) -> None:
        self._switch = switch
        self._inside = 0
        self._ours = False

    def __enter__(self) -> None:
        self._inside += 1
        if self._inside == 1:
            with suppress(OSError):
                if self._switch.read_text().strip() == "0":
                    self._switch.write_text("1")
                    self._ours = True

    def __exit__(self, *_: object) -> None:
        self._inside -= 1
        if self._inside == 0 and self._ours:
            self._ours = False
            with suppress(OSError):
                self._switch.write_text("0")
