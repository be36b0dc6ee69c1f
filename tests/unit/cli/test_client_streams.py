"""The decoders of the client: whatever the chunks, the same result."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from haibun.client.rendezvous import ExitCode, Greeting, Newlines, with_exit_code, without_exit_code
from haibun.client.sse import Events

MARK = "\uffff heroku-command-exit-status: ".encode()


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Every way to cut `data` in two, and byte by byte."""
    for place in range(len(data) + 1):
        yield [data[:place], data[place:]]
    yield [data[place : place + 1] for place in range(len(data))]


@pytest.mark.parametrize(
    ("data", "output", "code"),
    [
        (b"hello\n" + MARK + b"3\n", b"hello\n", 3),
        (b"no newline" + MARK + b"0\r\n", b"no newline", 0),
        (MARK + b"127\n", b"", 127),
        (b"a" + MARK + b"42", b"a", 42),
        (b"x\xef\xbf\xbf heroku-command\n", b"x\xef\xbf\xbf heroku-command\n", None),
        (b"tail\xef\xbf", b"tail\xef\xbf", None),
        (MARK + b"x\n" + MARK + b"1\nmore", MARK + b"x\nmore", 1),
        (b"", b"", None),
    ],
)
def test_the_exit_code_is_taken_out(data: bytes, output: bytes, code: int | None) -> None:
    for chunks in cuts(data):
        taker = ExitCode()
        got = b"".join(map(taker.feed, chunks)) + taker.finish()
        assert (got, taker.code) == (output, code), chunks


def test_output_is_not_held_back_longer_than_needed() -> None:
    taker = ExitCode()
    assert taker.feed(b"$ ") == b"$ "
    assert taker.feed(b"\xef\xbf\xbe") == b"\xef\xbf\xbe"


@pytest.mark.parametrize("output", [b"", b"hello", b"\r\n"])
def test_the_greeting_is_dropped_and_nothing_else(output: bytes) -> None:
    for chunks in cuts(b"rendezvous\r\n" + output):
        greeting = Greeting()
        assert b"".join(map(greeting.feed, chunks)) == output
        assert greeting.heard


def test_any_other_first_chunk_is_a_greeting_too() -> None:
    greeting = Greeting()
    assert greeting.feed(b"welcome") == b""
    assert greeting.other == b"welcome"
    assert greeting.feed(b"output") == b"output"


def test_newlines() -> None:
    for chunks in cuts(b"a\r\nb\rc\n\r\r\n\r"):
        newlines = Newlines()
        assert b"".join(map(newlines.feed, chunks)) + newlines.finish() == b"a\nb\rc\n\r\n\r"


def test_a_command_is_shown_as_it_was_typed() -> None:
    assert without_exit_code(with_exit_code("ls -l")) == "ls -l"
    assert without_exit_code("serve") == "serve"


def test_events_whatever_the_chunks() -> None:
    text = ": hi\n\nid: 1\ndata: é\n\nretry: 250\nid: 2\r\ndata:b\r\ndata: c\r\n\r\nid: 3\ndata: half".encode()
    for chunks in cuts(text):
        events = Events()
        assert [event for chunk in chunks for event in events.feed(chunk)] == ["é", "b\nc"]
        assert (events.last_id, events.retry_seconds) == ("2", 0.25)


def test_half_an_event_is_void_after_a_break() -> None:
    events = Events()
    assert events.feed(b"id: 1\ndata: a\n\nid: 2\ndata: ha") == ["a"]
    events.restart()
    assert events.feed(b"data: b\n\n") == ["b"]
    assert events.last_id == "1"
