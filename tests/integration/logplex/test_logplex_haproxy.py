"""Router lines of a real HAProxy: each request's line arrives over its ring, also across a restart of logplex."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from .conftest import APP, Logplex, until

CONFIG = """
ring logplex
  format raw
  maxlen 16000
  size 1000000
  timeout connect 1s
  timeout server 1m
  server logplex unix@{stream} log-proto octet-count
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 1s
frontend public
  bind unix@{front}
  log ring@logplex len 8192 format raw local0
  log-format "{app} at=info method=%HM path=\\"%HU\\" status=%ST"
  http-request return status 200
"""


def _ask(front: Path, start: int, count: int) -> None:
    """Requests for /<n>, each answered before the next hundred."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(front))
        for at in range(start, start + count, 100):
            sock.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(at, at + 100)))
            data = b""
            while data.count(b"HTTP/1.1 200") < 100:
                data += sock.recv(65536)


@pytest.mark.root
def test_no_line_is_lost(logplex: Logplex) -> None:
    front, config = logplex.folder / "front.sock", logplex.folder / "haproxy.cfg"
    stream = logplex.layout.run / "router-log-stream.sock"
    config.write_text(CONFIG.format(stream=stream, front=front, app=APP))
    haproxy = subprocess.Popen(["haproxy", "-db", "-f", str(config)])
    try:
        until(front.exists)
        reader = logplex.session(tail=True, source="heroku")
        _ask(front, 0, 5_000)
        paths = [line.split('path="/')[1].split('"')[0] for _, line in reader.events(5_000)]
        assert paths == [str(n) for n in range(5_000)]
        reader.close()
        logplex.stop(signal.SIGKILL)
        _ask(front, 5_000, 1_000)
        logplex.start()
        until(lambda: logplex.texts(lines=1) == ['at=info method=GET path="/5999" status=200'])
        assert len(logplex.texts(dyno="router", lines=1_000)) == 1_000
        assert 'path="/5000"' in logplex.texts(lines=1_000)[0]
    finally:
        haproxy.terminate()
        haproxy.wait(10)
