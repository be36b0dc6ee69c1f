"""Bytes to the right place: one port for HTTP, TLS, HTTP/2 and rendezvous; direct ports; the platform's hosts."""

from __future__ import annotations

import asyncio
import ssl

from router_stand import Dyno, app, curl, dynos, free_port, get, standing

from haibun.router import haproxy
from haibun.router.admin import HaproxyAdmin


def test_one_port_speaks_http_tls_and_http2() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()))
            port, ca = stand.edge.port, str(stand.layout.ca_cert)
            there = f"hello.localhost:{port}"
            expected = f"web.1 {dyno.dyno_id}|200"
            assert await curl(f"http://{there}/") == expected
            assert await curl("--cacert", ca, "--http1.1", f"https://{there}/") == expected
            assert await curl("--cacert", ca, "--http2", "-w", "|%{http_version}", f"https://{there}/") == (
                f"web.1 {dyno.dyno_id}|2"
            )
            assert b"x-forwarded-proto: http\r\n" in dyno.requests[0].lower()
            for request in dyno.requests[1:]:
                assert b"x-forwarded-proto: https\r\n" in request.lower()
                assert b"x-forwarded-port: %d\r\n" % port in request.lower()
                assert b"x-forwarded-for: 127.0.0.1\r\n" in request.lower()

    asyncio.run(main())


def test_rendezvous_bytes_come_through_the_one_port_without_sni() -> None:
    async def main() -> None:
        async with standing() as stand:
            got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                got.set_result(await reader.readline())
                writer.write(b"rendezvous\r\n")
                writer.write(await reader.readexactly(4))
                writer.close()

            server = await asyncio.start_unix_server(serve, str(stand.layout.socket("rendezvous")))
            context = ssl.create_default_context(cafile=str(stand.layout.ca_cert))
            context.check_hostname = False  # Python has no way to check the name without sending it as SNI
            reader, writer = await asyncio.open_connection("127.0.0.1", stand.edge.port, ssl=context)
            writer.write(b"5e3c7e70?x=1\r\n")
            assert await reader.readline() == b"rendezvous\r\n"
            writer.write(b"ping")
            assert await reader.read() == b"ping"
            assert await got == b"5e3c7e70?x=1\r\n"
            writer.close()
            server.close()

    asyncio.run(main())


def test_direct_ports_beside_the_one_port() -> None:
    async def main() -> None:
        ports = {"port": free_port(), "http_port": free_port(), "https_port": free_port()}
        async with standing(**ports) as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()))
            ca = str(stand.layout.ca_cert)
            expected = f"web.1 {dyno.dyno_id}|200"
            assert await curl(f"http://hello.localhost:{ports['http_port']}/") == expected
            assert await curl("--cacert", ca, f"https://hello.localhost:{ports['https_port']}/") == expected
            assert await curl("--cacert", ca, f"https://hello.localhost:{ports['port']}/") == expected
            assert b"x-forwarded-port: %d\r\n" % ports["https_port"] in dyno.requests[1].lower()

    asyncio.run(main())


def test_the_platforms_hosts_reach_the_api_and_logplex() -> None:
    async def main() -> None:
        async with standing() as stand:
            api = await Dyno("api", socket_path=stand.layout.socket("web")).start()
            logs = await Dyno("logs", socket_path=stand.layout.socket("logplex")).start()
            port = stand.edge.port
            assert port is not None
            for host in (
                "localhost",
                f"localhost:{port}",
                "api.localhost",
                "git.localhost",
                "127.0.0.1",
                "[::1]:5",
            ):
                assert (await get(port, host))[2].startswith(b"api ")
                assert (await get(port, host, "/logplex/x?y"))[2].startswith(b"logs ")
            assert b"\r\nx-forwarded-for: 127.0.0.1\r\n" in api.requests[0].lower()
            ca = str(stand.layout.ca_cert)
            for host in ("localhost", "api.localhost", "127.0.0.1"):
                there = ("--connect-to", f"::127.0.0.1:{port}")
                assert (await curl("--cacert", ca, *there, f"https://{host}:{port}/")).endswith("|200")
            assert stand.lines == []
            await api.stop()
            status, _, body = await get(port, "localhost")
            assert status == 503
            assert b"Haibun is not answering" in body
            await logs.stop()

    asyncio.run(main())


def test_two_platforms_side_by_side() -> None:
    async def main() -> None:
        async with standing() as one, standing() as two, dynos("web.1", "web.1") as (a, b):
            await one.route(app("hello", a.server()))
            await two.route(app("hello", b.server()))
            assert one.edge.port
            assert two.edge.port
            assert a.dyno_id.encode() in (await get(one.edge.port, "hello.localhost"))[2]
            assert b.dyno_id.encode() in (await get(two.edge.port, "hello.localhost"))[2]

    asyncio.run(main())


def test_a_running_haproxy_is_adopted_with_its_apps() -> None:
    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()))
            before = await stand.admin.pid()

            async def never(argv: list[str]) -> None:
                raise AssertionError("started a second HAProxy")

            again = await haproxy.start(stand.layout, stand.edge, never)
            assert await again.pid() == before
            assert (await again.read()).owners == {0: ("hello-id", "serving")}

    asyncio.run(main())


def test_it_runs_without_python() -> None:
    """Nobody speaks to HAProxy any more, its log is not read: it serves."""

    async def main() -> None:
        async with standing() as stand, dynos("web.1") as (dyno,):
            await stand.route(app("hello", dyno.server()))
            asyncio.get_running_loop().remove_reader(stand._log.fileno())
            stand._log.close()
            (stand.layout.run / "router-log.sock").unlink()
            for _ in range(100):
                assert stand.edge.port
                assert (await get(stand.edge.port, "hello.localhost"))[0] == 200
            stand._listen()  # a new reader of the log gets the next record
            await get(stand.edge.port, "hello.localhost")
            assert await stand.line()

    asyncio.run(main())


def test_names_do_not_reach_the_command_socket_unchecked() -> None:
    """What the planner may say is checked where the table is made; the socket has only our own words."""
    admin = HaproxyAdmin.__dict__
    assert "do" in admin
    for bad in ("a b", "x;y", "a\nb", "", "A.b", "*", "*.", "<x>"):
        try:
            app("hello", hosts=(bad,))
        except ValueError:
            continue
        raise AssertionError(bad)
