"""Apps to build, and what serves them."""

import contextlib
import shutil
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stage


@pytest.fixture
def app() -> Iterator[stage.App]:
    """An app that was never built. On a disk, as a platform's data is: /tmp may be memory."""
    folder = Path(tempfile.mkdtemp(prefix="haibun-test-", dir="/var/tmp"))
    try:
        yield stage.App(folder)
    finally:
        shutil.rmtree(folder)


Get = Callable[..., tuple[int, dict[str, str], str]]


@pytest.fixture
def serve() -> Iterator[Callable[..., Get]]:
    """serve(app, built) starts its web process; the answer is get(path, method=, headers=)."""
    with contextlib.ExitStack() as stack:

        def start(app: stage.App, built: stage.Built, **env: str) -> Get:
            port = free_port()
            child = app.run(
                built, built.result["process_types"]["web"], {"PORT": str(port), "DYNO": "web.1", **env}
            )
            stack.callback(child.communicate)
            stack.callback(child.kill)  # unshare's --kill-child takes the server along
            wait_for(port)
            return lambda path, **how: request(port, path, **how)

        yield start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until something listens; at most 20 s."""
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def request(
    port: int, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """(status, headers, body); redirects are not followed."""
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))
    wanted = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, headers=headers or {})
    try:
        answer = opener.open(wanted, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, dict(answer.headers), answer.read().decode()
