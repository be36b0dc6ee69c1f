"""Router datagrams: what HAProxy may send, with and without a syslog header."""

from __future__ import annotations

import pytest

from haibun.logplex.router_lines import frames, parse

NOW = b"2026-11-23T23:00:00.000001+00:00"
APP = "01234567-89ab-cdef-0123-456789abcdef"
BODY = b'at=info method=GET path="/a b?c=<14>x: y" host=h status=200 bytes=3'


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"<158>",
        b"<158>Nov 23 23:00:00 haproxy[12]: ",
        b"<158>Nov  3 23:00:00 some.host haproxy[12]: ",
        b"Nov 23 23:00:00 haproxy: ",
    ],
)
def test_headers_are_taken_off(header: bytes) -> None:
    datagram = header + APP.encode() + b" " + BODY + b"\n"
    assert parse(datagram, NOW) == (APP, b"2026-11-23T23:00:00.000001+00:00 heroku[router]: " + BODY)


@pytest.mark.parametrize("time", [b"2020-01-02T03:04:05.123456+00:00 ", b"2020-01-02T03:04:05.123456Z "])
def test_a_time_that_is_given_wins(time: bytes) -> None:
    assert parse(b"<14>" + time + APP.encode() + b" x", NOW) == (
        APP,
        b"2020-01-02T03:04:05.123456+00:00 heroku[router]: x",
    )


@pytest.mark.parametrize(
    "datagram", [b"", b"\n", b"- at=info", b"<158>- x", b"../etc x", b"a/b x", b"<158>", b"\xff\xfe x", b" x"]
)
def test_lines_of_no_app_are_dropped(datagram: bytes) -> None:
    assert parse(datagram, NOW) is None


def test_a_path_cannot_forge_a_line() -> None:
    parsed = parse(APP.encode() + b" path=/\r\nid: 9\n\0\xff" + b"y" * 20_000, NOW)
    assert parsed is not None
    line = parsed[1]
    assert not set(b"\r\n\0") & set(line)
    assert len(line.split(b": ", 1)[1]) == 10_000


def test_octet_counted_messages_however_they_arrive() -> None:
    messages = [b"a b", b"", b"x" * 12_345, b"7 seven", b"9"]
    data = b"".join(b"%d %b" % (len(message), message) for message in messages)
    for size in (1, 2, 3, 4_000, len(data)):
        found, rest = [], b""
        for at in range(0, len(data), size):
            more, rest = frames(rest + data[at : at + size])
            found += more
        assert (found, rest) == (messages, b"")


@pytest.mark.parametrize("data", [b"x", b"12345678", b" 3 abc", b"-1 a", b"3 abc<14>x y", b"1e2 x"])
def test_what_is_not_octet_counted_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not octet-counted"):
        frames(data)
