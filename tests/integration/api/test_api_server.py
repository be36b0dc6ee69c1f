"""The API behind its real server, on a unix socket: bodies and answers that stream, HEAD, odd requests."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from api_world import World

from haibun.blobs.streams import StreamWriter
from haibun.kit.ids import new_id


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self._path))


@pytest.fixture
def served(world: World, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "api.sock"
    config = uvicorn.Config(world.asgi, uds=str(path), log_config=None, lifespan="off", http="httptools")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield path
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def test_head_is_a_get_without_the_body(served: Path, world: World) -> None:
    headers = {"authorization": f"Bearer {world.tokens['owner']}"}
    connection = UnixConnection(served)
    connection.request("HEAD", "/apps/shop", headers=headers)
    head = connection.getresponse()
    assert (head.status, head.read()) == (200, b"")
    connection.request("GET", "/apps/shop", headers=headers)
    whole = connection.getresponse()
    assert len(whole.read()) == int(head.headers["content-length"])
    assert whole.headers["etag"] == head.headers["etag"]
    connection.close()


def test_a_source_comes_in_chunks(served: Path, world: World) -> None:
    url = world.as_("owner").post("/sources").json["source_blob"]["put_url"]
    connection = UnixConnection(served)
    connection.request("PUT", urlsplit(url).path, (b"x" * 50_000 for _ in range(40)), encode_chunked=True)
    put = connection.getresponse()
    assert (put.status, put.read()) == (200, b"")
    connection.request("GET", urlsplit(url).path)
    assert connection.getresponse().read() == b"x" * 2_000_000
    connection.close()


def test_a_source_that_breaks_off_leaves_nothing(served: Path, world: World) -> None:
    url = world.as_("owner").post("/sources").json["source_blob"]["put_url"]
    connection = UnixConnection(served)
    connection.putrequest("PUT", urlsplit(url).path)
    connection.putheader("content-length", "1000")
    connection.endheaders(b"only a part")
    time.sleep(0.2)
    connection.close()
    deadline = time.monotonic() + 10
    while list(world.layout.sources.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(world.layout.sources.iterdir()) == []


def test_a_stream_is_told_while_it_is_written(served: Path, world: World) -> None:
    stream_id = new_id()
    writer = StreamWriter(world.layout, stream_id)
    writer.write("first\n")
    connection = UnixConnection(served)
    connection.request("GET", f"/streams/{stream_id}")
    answer = connection.getresponse()
    assert (answer.status, answer.readline()) == (200, b"first\n")
    writer.write("second\n")
    assert answer.readline() == b"second\n"
    writer.finish("succeeded")
    assert answer.read() == b""
    connection.close()


def test_a_body_that_is_too_large_is_refused(served: Path, world: World) -> None:
    connection = UnixConnection(served)
    headers = {"authorization": f"Bearer {world.tokens['owner']}", "content-type": "application/json"}
    connection.request("POST", "/apps", b" " * 1_200_000, headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_many_at_once(served: Path, world: World) -> None:
    statuses: list[int] = []

    def ask(number: int) -> None:
        connection = UnixConnection(served)
        headers = {"authorization": f"Bearer {world.tokens['owner']}", "content-type": "application/json"}
        for value in range(5):
            connection.request("PATCH", "/apps/shop/config-vars", f'{{"K{number}": "{value}"}}', headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * 80
    assert world.as_("owner").get("/apps/shop/config-vars").json == {f"K{number}": "4" for number in range(16)}
