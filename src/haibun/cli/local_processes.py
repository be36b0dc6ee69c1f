"""Processes of an app on this machine, side by side: their lines with names in front, and one end for all.

Each runs in a process group of its own, so that what it started ends with it. All end when one does, or on
Ctrl-C: SIGINT, after five seconds SIGTERM, after five more, or on a second Ctrl-C, SIGKILL. It reads no files.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import NamedTuple

from haibun.cli import screen

COLOURS = (screen.MAGENTA, screen.BLUE, screen.CYAN, screen.GREEN, screen.YELLOW, screen.RED)
PATIENCE_SECONDS = 5.0
LAST_WORDS_SECONDS = 0.5
"""How long output is waited for when its process has ended and somebody else still holds the pipe."""


class Process(NamedTuple):
    """What to start: a name such as `web.1`, a command for /bin/sh, its environment."""

    name: str
    command: str
    env: Mapping[str, str]


class Ended(NamedTuple):
    """Exit code as subprocess tells it: below 0 it was a signal."""

    code: int


class Closed(NamedTuple):
    """The output of a process has come to its end."""


class Group:
    """Runs the processes; run() once."""

    def __init__(self, processes: Sequence[Process], width: int) -> None:
        self._processes = processes
        self._width = width
        self._events: queue.Queue[tuple[int, bytes | Ended | Closed]] = queue.Queue()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._open: set[int] = set()
        self._told_at: float | None = None
        self._strength = 0
        self._presses = 0
        self._all_ended_at: float | None = None

    def run(self) -> int:
        """Until all have ended. 0 if the user ended them, else the code of the one that ended first."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        previous = {number: signal.signal(number, self._interrupted) for number in numbers}
        first: int | None = None
        try:
            for place, process in enumerate(self._processes):
                self._start(place, process)
            while self._running or self._open:
                place, event = self._next()
                if isinstance(event, Ended):
                    if first is None:
                        first = 0 if self._presses else (event.code if event.code >= 0 else 128 - event.code)
                    self._ended(place, event.code)
                elif isinstance(event, Closed):
                    self._open.discard(place)
                elif event:
                    self._say(place, event)
        finally:
            self._signal(signal.SIGKILL)
            for number, handler in previous.items():
                signal.signal(number, handler)
        return first or 0

    def _start(self, place: int, process: Process) -> None:
        child = subprocess.Popen(
            ["/bin/sh", "-c", process.command],
            env=dict(process.env),
            # A pipe that nobody writes to: some development servers leave when their input ends.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running[place] = child
        self._open.add(place)
        threading.Thread(target=self._read, args=(place, child), daemon=True).start()
        threading.Thread(target=self._wait, args=(place, child), daemon=True).start()

    def _read(self, place: int, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            self._events.put((place, line))
        self._events.put((place, Closed()))

    def _wait(self, place: int, child: subprocess.Popen[bytes]) -> None:
        self._events.put((place, Ended(child.wait())))

    def _next(self) -> tuple[int, bytes | Ended | Closed]:
        """The next event. Meanwhile it grows stronger with those who do not end."""
        while True:
            if not self._running:
                now = time.monotonic()
                self._all_ended_at = self._all_ended_at or now
                if now - self._all_ended_at > LAST_WORDS_SECONDS:
                    self._open.clear()
                    return 0, b""
            self._urge()
            with suppress(queue.Empty):
                return self._events.get(timeout=0.1)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        self._presses += 1

    def _urge(self) -> None:
        if self._presses and self._told_at is None:
            screen.note(screen.paint("[WARN] Interrupted by User", screen.YELLOW, sys.stderr))
            self._end_all()
        if self._told_at is None:
            return
        waited = time.monotonic() - self._told_at
        wanted = 2 if self._presses > 1 else int(waited // PATIENCE_SECONDS)
        if wanted > self._strength:
            self._strength = wanted
            self._signal(signal.SIGTERM if wanted == 1 else signal.SIGKILL)

    def _end_all(self) -> None:
        self._told_at = time.monotonic()
        screen.out(screen.paint("[DONE] Killing all processes with signal  SIGINT", screen.CYAN))
        sys.stdout.flush()
        self._signal(signal.SIGINT)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._running.values():
            with suppress(ProcessLookupError):
                os.killpg(child.pid, number)

    def _ended(self, place: int, code: int) -> None:
        child = self._running.pop(place)
        with suppress(ProcessLookupError, PermissionError):
            # What it started in the background has lost its parent; nobody else would ever end it.
            os.killpg(child.pid, signal.SIGTERM)
        if code == 0:
            screen.out(self._label(place) + screen.paint(" Exited Successfully", screen.CYAN))
            sys.stdout.flush()
        else:
            how = signal.Signals(-code).name if code < 0 else str(code)
            screen.note(self._label(place) + screen.paint(f" Exited with exit code {how}", screen.RED, sys.stderr))
        if self._told_at is None:
            self._end_all()

    def _say(self, place: int, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text.strip():
            screen.out(f"{self._label(place, ' | ')} {text}")
            sys.stdout.flush()

    def _label(self, place: int, after: str = "") -> str:
        now = time.localtime()
        clock = f"{now.tm_hour % 12 or 12}:{now.tm_min:02}:{now.tm_sec:02} {'PM' if now.tm_hour > 11 else 'AM'}"
        text = f"{clock} {self._processes[place].name}".ljust(self._width) + after
        return screen.paint(text, COLOURS[place % len(COLOURS)])
