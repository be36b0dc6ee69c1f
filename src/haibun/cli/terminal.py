"""The user's terminal or pipes, joined to the line of an attached dyno.

On a terminal every key goes to the dyno, Ctrl-C too; four of them within a second let go. Piped input ends with
the byte 0x04, as the protocol wants. Whatever happens, the terminal is put back as it was.
"""

from __future__ import annotations

import os
import select
import signal
import ssl
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from haibun.client.errors import ClientError
from haibun.client.rendezvous import ExitCode, Greeting, Newlines

CHUNK = 32768
MOST_UNSENT = 4 * CHUNK
INTERRUPT, END = b"\x03", b"\x04"
LET_GO_PRESSES, LET_GO_SECONDS = 4, 1.0


class LetGo(ClientError):
    """The user left the dyno by pressing Ctrl-C again and again."""

    exit_code = 130


@contextmanager
def raw_keys(wanted: bool) -> Iterator[None]:
    """Keys one by one and unechoed from stdin, if it is a terminal and `wanted`."""
    if not (wanted and sys.stdin.isatty()):
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    # Their default would end the process without putting the terminal back.
    previous = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, before)
        for number, handler in previous.items():
            signal.signal(number, handler)


class Session:
    """One attached dyno. `keys`: stdin is a terminal in raw mode. `convert`: output wants `\\n` only."""

    def __init__(self, line: ssl.SSLSocket, *, keys: bool, convert: bool) -> None:
        self._line = line
        self._keys = keys
        self._greeting = Greeting()
        self._exit = ExitCode()
        self._newlines = Newlines() if convert else None
        self._unsent = b""
        self._input_open = True
        self._presses: list[float] = []

    @property
    def refusal(self) -> str:
        """What the server said in place of its greeting."""
        return self._greeting.other.decode("utf-8", "replace").strip()

    def run(self) -> int | None:
        """Copy both ways until the server closes; the exit code if it came."""
        try:
            while self._turn():
                pass
        finally:
            self._line.close()
        self._print(self._exit.finish())
        if self._newlines:
            _write_all(self._newlines.finish())
        return self._exit.code

    def _turn(self) -> bool:
        """Wait, then move what can be moved; False when the server has closed."""
        takes_input = self._greeting.heard and self._input_open and len(self._unsent) < MOST_UNSENT
        readers = [self._line.fileno()] + ([0] if takes_input else [])
        writers = [self._line.fileno()] if self._unsent else []
        timeout = 0 if self._line.pending() else None
        readable, _, _ = select.select(readers, writers, [], timeout)
        if 0 in readable:
            self._take_input()
        goes_on = self._receive()
        self._send()
        return goes_on

    def _take_input(self) -> None:
        data = os.read(0, CHUNK)
        if not data:
            self._input_open = False
            data = END
        if self._keys and INTERRUPT in data:
            self._count_presses(data.count(INTERRUPT))
        self._unsent += data

    def _count_presses(self, count: int) -> None:
        now = time.monotonic()
        recent = [moment for moment in self._presses if now - moment < LET_GO_SECONDS]
        self._presses = recent + [now] * count
        if len(self._presses) >= LET_GO_PRESSES:
            raise LetGo("Disconnected. The process in the dyno may still be running: haibun ps, haibun ps:stop.")

    def _send(self) -> None:
        try:
            while self._unsent:
                sent = self._line.send(self._unsent)
                self._unsent = self._unsent[sent:]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            # A dyno that has ended takes no input; what it said before is still to be read.
            self._input_open = False
            self._unsent = b""

    def _receive(self) -> bool:
        try:
            data = self._line.recv(CHUNK)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False
        if data:
            self._print(self._exit.feed(self._greeting.feed(data)))
        return bool(data)

    def _print(self, data: bytes) -> None:
        _write_all(self._newlines.feed(data) if self._newlines else data)


def _write_all(data: bytes) -> None:
    while data:
        try:
            data = data[os.write(1, data) :]
        except BlockingIOError:
            select.select([], [1], [])
