"""A real logplex process on real files and sockets, and a reader of its sessions."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from haibun.core.layout import Layout
from haibun.wire import sse
from haibun.wire.sealed import Sealer

APP = "01234567-89ab-cdef-0123-456789abcdef"
TIME = b"2026-11-23T23:00:00.123456789+00:00"


class Reader:
    """One open session."""

    def __init__(self, path: Path, token: str, **headers: str) -> None:
        self.connection = http.client.HTTPConnection("localhost", timeout=20)
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.settimeout(20)
        self.connection.sock.connect(str(path))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request("GET", f"/logplex/sessions/{token}", headers=named)
        self.response = self.connection.getresponse()
        self._decoder = sse.Decoder()
        self._events: list[tuple[str | None, str]] = []

    def events(self, count: int) -> list[tuple[str | None, str]]:
        """The next so many events; fewer if the stream ends."""
        while len(self._events) < count and (data := self.response.read1(1 << 20)):
            self._events += self._decoder.feed(data)
        found, self._events = self._events[:count], self._events[count:]
        return found

    def all(self) -> list[tuple[str | None, str]]:
        """Events until the stream ends."""
        return self.events(1 << 60)

    def close(self) -> None:
        self.response.close()
        self.connection.close()


class Logplex:
    """The process, its folders, and what the rest of the platform would do to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = Layout(folder / "data", folder / "run")
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "gone").mkdir()
        self.app_output.mkdir(parents=True)

    @property
    def app_output(self) -> Path:
        return self.layout.output / APP

    def start(self) -> None:
        (self.folder / "ready").unlink(missing_ok=True)
        script = str(Path(__file__).with_name("process.py"))
        self.process = subprocess.Popen([sys.executable, script, str(self.folder)])
        until(lambda: (self.folder / "ready").exists())

    def stop(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(10)
            self.process = None

    def token(self, **claims: Any) -> str:
        return Sealer(b"k" * 32).seal({"app": APP, "lines": 1500, "exp": time.time() + 60, **claims})

    def session(self, *, headers: dict[str, str] | None = None, **claims: Any) -> Reader:
        named = {"Accept": "text/event-stream", **(headers or {})}
        return Reader(self.layout.socket("logplex"), self.token(**claims), **named)

    def lines(self, **claims: Any) -> list[str]:
        """Texts of what the buffer shows now."""
        with contextlib.closing(self.session(**claims)) as reader:
            return [line for _, line in reader.all()]

    def texts(self, **claims: Any) -> list[str]:
        return [line.split(": ", 1)[1] for line in self.lines(**claims)]

    def router(self, datagram: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(datagram, str(self.layout.run / "router-log.sock"))

    def write(self, name: str, *texts: str) -> None:
        with (self.app_output / name).open("ab") as file:
            file.write(b"".join(TIME + b" stdout F " + text.encode() + b"\n" for text in texts))


def until(is_true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for it; AssertionError if it does not come."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def logplex() -> Iterator[Logplex]:
    # Not tmp_path: the paths of unix sockets are short.
    with tempfile.TemporaryDirectory(prefix="logplex") as name:
        platform = Logplex(Path(name))
        try:
            platform.start()
            yield platform
        finally:
            platform.stop()
