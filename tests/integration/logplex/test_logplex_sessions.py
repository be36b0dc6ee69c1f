"""Sessions of a real logplex process: filters, tails, reconnects, revocation of nothing that was not given."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from typing import Any

import pytest

from haibun.wire.sealed import Sealer

from .conftest import APP, Logplex, Reader, until


def test_backlog_is_in_heroku_form_and_ends_cleanly(logplex: Logplex) -> None:
    logplex.write("web.1.d1.log", "hello", "", "wörld ")
    until(lambda: len(logplex.lines()) == 3)
    reader = logplex.session()
    assert reader.response.status == 200
    assert reader.response.headers["Content-Type"].startswith("text/event-stream")
    assert reader.all() == [
        ("1", "2026-11-23T23:00:00.123456+00:00 app[web.1]: hello"),
        ("2", "2026-11-23T23:00:00.123456+00:00 app[web.1]: "),
        ("3", "2026-11-23T23:00:00.123456+00:00 app[web.1]: wörld "),
    ]
    plain = logplex.session(headers={"Accept": "*/*"}, lines=1)
    assert plain.response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert plain.response.read().decode() == "2026-11-23T23:00:00.123456+00:00 app[web.1]: wörld \n"


def test_filters_and_the_newest(logplex: Logplex) -> None:
    logplex.write("web.1.d1.log", "a", "b", "c")
    logplex.write("worker.1.d2.log", "d")
    logplex.router(APP.encode() + b" at=info")
    logplex.router(b"- nobody")
    until(lambda: len(logplex.lines()) == 5)
    assert logplex.texts(dyno="web", lines=2) == ["b", "c"]
    assert logplex.texts(dyno="worker.1") == ["d"]
    assert logplex.texts(source="heroku") == ["at=info"]
    assert logplex.texts(dyno="router", source="heroku") == ["at=info"]
    assert logplex.texts(source="app", dyno="router") == []
    assert logplex.texts(lines=0) == []


def test_builds_and_attached_runs_are_not_app_log(logplex: Logplex) -> None:
    logplex.write("build.1.d1.log", "no")
    logplex.write("run.7.d2.attached.log", "no")
    logplex.write("notes.txt", "no")
    logplex.write("run.7.d2.log", "yes")
    until(lambda: logplex.texts() == ["yes"])
    assert len(list(logplex.app_output.iterdir())) == 4


def test_tail_has_no_gap_between_buffer_and_live_and_resumes_by_id(logplex: Logplex) -> None:
    logplex.write("web.1.d1.log", *(f"{n}" for n in range(50)))
    until(lambda: len(logplex.lines()) == 50)
    reader = logplex.session(tail=True, lines=10)
    for n in range(50, 300):
        logplex.write("web.1.d1.log", f"{n}")
    found = reader.events(260)
    assert [int(line.split(": ")[1]) for _, line in found] == list(range(40, 300))
    assert [event_id for event_id, _ in found] == [str(n) for n in range(41, 301)]
    reader.close()
    again = logplex.session(tail=True, lines=10, headers={"Last-Event-ID": "251"})
    assert [line.split(": ")[1] for _, line in again.events(49)] == [str(n) for n in range(251, 300)]
    again.close()


@pytest.mark.parametrize("last", ["-1", "x", "999999", "9" * 40, "1e3", "٣"])
def test_a_last_event_id_of_another_world_is_ignored(logplex: Logplex, last: str) -> None:
    logplex.write("web.1.d1.log", "a", "b")
    until(lambda: len(logplex.lines()) == 2)
    with contextlib.closing(logplex.session(headers={"Last-Event-ID": last.encode().decode("latin-1")})) as reader:
        assert len(reader.all()) == 2


def test_tail_of_a_silent_app_begins_at_once_and_goes_on(logplex: Logplex) -> None:
    reader = logplex.session(tail=True)
    assert reader.response.read1(100) == b": keepalive\n\n"
    logplex.router(APP.encode() + b" late")
    assert reader.events(1)[0][1].endswith("heroku[router]: late")
    reader.close()


def test_sigterm_ends_tails_cleanly_and_a_reconnect_misses_nothing(logplex: Logplex) -> None:
    reader = logplex.session(tail=True)
    logplex.write("web.1.d1.log", "one")
    (first,) = reader.events(1)
    assert logplex.process is not None
    logplex.process.send_signal(signal.SIGINT)
    assert reader.all() == []  # the chunked body ended; http.client raises IncompleteRead if it did not
    logplex.stop(signal.SIGKILL)
    logplex.write("web.1.d1.log", "two")
    logplex.start()
    again = logplex.session(tail=True, headers={"Last-Event-ID": first[0] or ""})
    assert [line.split(": ")[1] for _, line in again.events(1)] == ["two"]
    again.close()


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "app",
        {},
        {"app": APP},
        {"app": "../../etc", "exp": 1e12},
        {"app": APP, "exp": 1},
        {"app": APP, "exp": "never"},
        {"app": APP, "exp": 1e12, "lines": "many"},
        {"app": 7, "exp": 1e12},
    ],
)
def test_tokens_that_say_nonsense_are_404(logplex: Logplex, value: Any) -> None:
    _is_404(Reader(logplex.layout.socket("logplex"), Sealer(b"k" * 32).seal(value)))


def test_tokens_of_others_are_404(logplex: Logplex) -> None:
    good = logplex.token()
    other = Sealer(b"other" * 8).seal({"app": APP, "exp": time.time() + 60})
    for token in (
        other,
        good[:-4],
        good[:40] + ("B" if good[40] == "A" else "A") + good[41:],
        "x",
        "%00",
        "..%2f..",
        "%ff",
    ):
        _is_404(Reader(logplex.layout.socket("logplex"), token))
    assert not (logplex.layout.logplex / APP).exists()


def _is_404(reader: Reader) -> None:
    assert reader.response.status == 404
    body = json.loads(reader.response.read())
    assert body["id"] == "not_found"
    assert body["message"]


def test_a_tail_that_reads_too_slowly_is_told_so_and_others_lose_nothing(logplex: Logplex) -> None:
    slow, fast = logplex.session(tail=True, lines=0), logplex.session(tail=True, lines=0)
    assert slow.response.read1(100) == fast.response.read1(100) == b": keepalive\n\n"
    total, text = 0, "x" * 900
    # Until the slow one's socket is full and its patience is over; the fast one reads along.
    for _ in range(60):
        logplex.write("web.1.d1.log", *(f"{total + n} {text}" for n in range(200)))
        total += 200
        assert len(fast.events(200)) == 200
        time.sleep(0.03)
    seen, said = [], []
    while not said:
        for event_id, line in slow.events(1):
            (seen if event_id else said).append(line)
    assert "heroku[logplex]: Error L11 (Tail buffer overflow) -> This tail session dropped " in said[0]
    dropped = int(said[0].split("dropped ")[1].split()[0])
    assert [int(line.split(": ")[1].split()[0]) for line in seen] == list(range(len(seen)))
    assert len(seen) + dropped == total
    logplex.write("web.1.d1.log", "after")
    assert slow.events(1)[0][1].endswith(": after")
    slow.close()
    fast.close()


def test_cutting_an_app_ends_its_tails_and_no_others(logplex: Logplex) -> None:
    ours, other = logplex.session(tail=True), logplex.session(tail=True, app="another-app")
    assert ours.response.read1(100) == other.response.read1(100) == b": keepalive\n\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"cut " + APP.encode(), str(logplex.layout.hint("logplex")))
    assert ours.all() == []
    logplex.router(b"another-app still here")
    assert other.events(1)[0][1].endswith("still here")
    other.close()
