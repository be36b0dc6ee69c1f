"""What a visitor gets and what the log says: pages, H codes, headers, tunnels, holding."""

from __future__ import annotations

import asyncio
import re

import pytest
from router_stand import Dyno, app, curl, dynos, free_port, get, say, standing

from haibun.wire import router_line

RID = "[0-9a-f-]{36}"


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    await asyncio.sleep(60)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.close()


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(b"good morning\r\n\r\n")
    await writer.drain()


def test_the_line_of_a_good_request_and_what_the_dyno_sees() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()))
            port = stand.edge.port
            assert port
            given = 'X-Request-Id: aaaaaaaaaaaaaaaaaaaa=\r\nX-Forwarded-For: 1.2.3.4, "5\r\n'
            given += "X-Forwarded-Proto: gopher\r\n"
            status, head, _ = await get(port, f"Hello.localhost:{port}", '/a"b?c=d%20e', given)
            assert status == 200
            assert b"via: 1.1 haibun-router" in head.lower()
            app_id, line = router_line.parse(await stand.line()) or ("", "")
            assert app_id == "hello-id"
            assert re.fullmatch(
                r'at=info method=GET path="/a%22b\?c=d%20e" host=hello\.localhost '
                r'request_id=aaaaaaaaaaaaaaaaaaaa= fwd="1\.2\.3\.4, %225, 127\.0\.0\.1" dyno=web\.1 '
                r"connect=\d+ms service=\d+ms status=200 bytes=\d+ protocol=http",
                line,
            ), line
            request = dyno.requests[0].lower()
            assert request.startswith(b'get /a"b?c=d%20e http/1.1\r\n')
            for header in (
                b"x-request-id: aaaaaaaaaaaaaaaaaaaa=", b'x-forwarded-for: 1.2.3.4, "5, 127.0.0.1',
                b"x-forwarded-proto: http", b"x-forwarded-port: %d" % port, b"via: 1.1 haibun-router",
            ):  # fmt: skip
                assert b"\r\n" + header + b"\r\n" in request
            assert re.search(rb"\r\nx-request-start: 1\d{12}\r\n", request)

    asyncio.run(main())


@pytest.mark.parametrize("bad", ["short", "x" * 201, "with space in the middle!", "émoji-émoji-émoji-émoji"])
def test_a_request_id_that_is_none_is_replaced(bad: str) -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()))
            assert stand.edge.port
            await get(stand.edge.port, "hello.localhost", headers=f"X-Request-Id: {bad}\r\n")
            assert re.search(rf"\r\nx-request-id: {RID}\r\n".encode(), dyno.requests[0].lower())

    asyncio.run(main())


@pytest.mark.parametrize(
    ("state", "status", "words", "start"),
    [
        ("no_web", 503, b"No web dynos running", 'at=error code=H14 desc="No web processes running" '),
        ("crashed", 503, b"crashed", 'at=error code=H10 desc="App crashed" '),
        ("maintenance", 503, b"maintenance", 'at=info code=H80 desc="Maintenance mode" '),
        ("blank", 502, b"Welcome to your new app", 'at=info code=H81 desc="Blank app" '),
    ],
)
def test_pages_instead_of_an_app(state: str, status: int, words: bytes, start: str) -> None:
    async def main() -> None:
        async with standing() as stand:
            await stand.route(app("hello", state=state))
            assert stand.edge.port
            got, head, body = await get(stand.edge.port, "hello.localhost", "/x")
            assert got == status
            assert words in body
            assert b"cache-control: no-cache, no-store" in head.lower()
            assert b"content-type: text/html; charset=utf-8" in head.lower()
            assert b"http" not in body.lower().replace(b"<!doctype html>", b"")  # nothing from anywhere else
            line = (router_line.parse(await stand.line()) or ("", ""))[1]
            assert re.fullmatch(
                re.escape(start) + rf'method=GET path="/x" host=hello\.localhost request_id={RID} '
                rf'fwd="127\.0\.0\.1" dyno= connect= service= status={status} bytes= protocol=http',
                line,
            ), line

    asyncio.run(main())


@pytest.mark.parametrize(
    ("reply", "code", "status", "sent"),
    [
        (hang, 'at=error code=H12 desc="Request timeout"', 503, 503),
        (hang_up, 'at=error code=H13 desc="Connection closed without response"', 503, 503),
        (half, 'sock=backend at=error code=H18 desc="Server Request Interrupted"', 503, 200),
        (babble, 'at=error code=H17 desc="Poorly formatted HTTP response"', 503, 503),
    ],
)
def test_dynos_that_misbehave(reply: object, code: str, status: int, sent: int) -> None:
    async def main() -> None:
        edge = {"port": free_port(), "first_byte_seconds": 0.5}
        async with standing(**edge) as stand, dynos("web.1", reply=reply) as (dyno,):  # type: ignore[arg-type]
            await stand.route(app("hello", dyno.server()))
            assert stand.edge.port
            assert (await get(stand.edge.port, "hello.localhost"))[0] == sent
            line = (router_line.parse(await stand.line()) or ("", ""))[1]
            assert line.startswith(code + " method=GET"), (line, stand.lines)
            service = r"\d{3,}" if reply is hang else r"\d+"  # the first of them waits for half a second
            assert re.search(rf" dyno=web\.1 connect=\d+ms service={service}ms ", line), line
            assert f" status={status} " in line

    asyncio.run(main())


def test_a_dyno_that_refuses_is_passed_over() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1", "web.2", "web.3") as (one, two, three):
            await two.stop()
            await three.stop()
            await stand.route(app("hello", one.server(), two.server(), three.server()))
            assert stand.edge.port
            for _ in range(30):
                assert (await get(stand.edge.port, "hello.localhost"))[0] == 200
            await stand.route(app("gone", Dyno().server()))

    asyncio.run(main())


def test_nobody_takes_the_connection() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1", "web.2") as (one, two):
            await one.stop()
            await two.stop()
            await stand.route(app("hello", one.server(), two.server()))
            assert stand.edge.port
            assert (await get(stand.edge.port, "hello.localhost"))[0] == 503
            line = (router_line.parse(await stand.line()) or ("", ""))[1]
            assert re.match(
                r'at=error code=H21 desc="Backend connection refused" .* dyno=web\.[12] connect= ', line
            )

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["port", "http_port"])
def test_the_client_leaves(kind: str) -> None:
    async def main() -> None:
        port = free_port()
        async with standing(**{kind: port}) as stand, dynos("web.1", reply=hang) as (dyno,):
            await stand.route(app("hello", dyno.server()))
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n")
            while not dyno.requests:
                await asyncio.sleep(0.01)
            writer.transport.abort()
            line = (router_line.parse(await stand.line()) or ("", ""))[1]
            assert line.startswith('sock=client at=warning code=H27 desc="Client Request Interrupted" ')
            assert " status=499 " in line

    asyncio.run(main())


def test_an_unknown_host_is_named_with_care() -> None:
    async def main() -> None:
        async with standing() as stand:
            assert stand.edge.port
            status, _, body = await get(stand.edge.port, "nobody.localhost")
            assert status == 404
            assert b"<code>nobody.localhost</code>" in body
            assert b"%[" not in body
            status, _, body = await get(stand.edge.port, "<script>alert(1)</script>")
            assert status in (400, 404)
            assert b"<script>" not in body
            assert stand.lines == []

    asyncio.run(main())


def test_wildcard_domains_and_http2_lines() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server(), hosts=("hello.localhost", "*.example.com")))
            assert stand.edge.port
            assert (await get(stand.edge.port, "www.example.com"))[0] == 200
            assert (await get(stand.edge.port, "a.www.example.com"))[0] == 404
            there = ("--connect-to", f"::127.0.0.1:{stand.edge.port}", "--cacert", str(stand.layout.ca_cert))
            assert (await curl(*there, "--http2", "https://www.example.com/x/y?z")).endswith("|200")
            line = (router_line.parse(await stand.line(1)) or ("", ""))[1]
            assert ' path="/x/y?z" host=www.example.com ' in line
            assert line.endswith("protocol=https")

    asyncio.run(main())


def test_websockets_are_a_tunnel() -> None:
    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        assert b"upgrade: websocket" in request.lower()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        )
        writer.write(await reader.readexactly(5))
        await writer.drain()
        writer.close()

    async def main() -> None:
        async with standing() as stand, dynos("web.1", reply=upgrade) as (dyno,):
            await stand.route(app("hello", dyno.server()))
            reader, writer = await asyncio.open_connection("127.0.0.1", stand.edge.port)
            writer.write(
                b"GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"hello")
            assert await reader.read() == b"hello"
            writer.close()
            line = (router_line.parse(await stand.line()) or ("", ""))[1]
            assert line.startswith("at=info ")
            assert " status=101 " in line

    asyncio.run(main())


def test_requests_wait_while_the_app_starts() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", state="starting"))
            assert stand.edge.port
            waiting = [asyncio.create_task(get(stand.edge.port, "hello.localhost")) for _ in range(20)]
            await asyncio.sleep(0.5)
            assert not any(task.done() for task in waiting)
            await stand.route(app("hello", dyno.server()))
            async with asyncio.timeout(1):
                assert [(await task)[0] for task in waiting] == [200] * 20

    asyncio.run(main())


def test_waiting_has_an_end() -> None:
    async def main() -> None:
        async with standing(port=free_port(), boot_seconds=1) as stand:
            await stand.route(app("hello", state="starting"))
            assert stand.edge.port
            assert (await get(stand.edge.port, "hello.localhost"))[0] == 503
            line = (router_line.parse(await stand.line()) or ("", ""))[1]
            assert line.startswith('at=error code=H20 desc="App boot timeout" ')

    asyncio.run(main())


def test_a_slow_answer_may_take_longer_than_the_first_byte() -> None:
    """Event streams get the idle time, not the first byte's."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 4\r\n\r\nab")
        await asyncio.sleep(1)
        writer.write(b"cd")

    async def main() -> None:
        edge = {"port": free_port(), "first_byte_seconds": 0.5, "idle_seconds": 3}
        async with standing(**edge) as stand, dynos("web.1", reply=drip) as (dyno,):
            await stand.route(app("hello", dyno.server()))
            assert stand.edge.port
            got = await get(stand.edge.port, "hello.localhost", headers="Accept: text/event-stream\r\n")
            assert got[2] == b"abcd"

    asyncio.run(main())


def test_hop_limits() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()))
            assert stand.edge.port
            assert (await get(stand.edge.port, "hello.localhost", "/" + "x" * 8000))[0] == 200
            assert (await get(stand.edge.port, "hello.localhost", "/" + "x" * 8300))[0] == 400

    asyncio.run(main())


def test_big_uploads_and_slow_ones_pass() -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        length = int(re.search(rb"content-length: (\d+)", request.lower())[1])  # type: ignore[index]
        await say(writer, str(len(await reader.readexactly(length))).encode())

    async def main() -> None:
        edge = {"port": free_port(), "first_byte_seconds": 0.5}
        async with standing(**edge) as stand, dynos("web.1", reply=count) as (dyno,):
            await stand.route(app("hello", dyno.server()))
            reader, writer = await asyncio.open_connection("127.0.0.1", stand.edge.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 40000\r\n\r\n")
            for _ in range(4):
                writer.write(b"x" * 10000)
                await asyncio.sleep(0.3)  # longer than the first byte may take after the request
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(5) == b"40000"
            writer.close()

    asyncio.run(main())
