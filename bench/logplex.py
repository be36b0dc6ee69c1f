"""Lines a second through logplex: files in, one tail out, beside the least a Python loop could do.

One process and one event loop do all of it: writing is done before, the reader of the tail is a process of its own
(on a second core, if there is one). `python bench/logplex.py`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import tempfile
import time
from pathlib import Path

from haibun.core.layout import Layout
from haibun.logplex.serve import serve
from haibun.wire.sealed import Sealer

LINES = 1_000_000
LIVE_RATE = 200_000
APP = "01234567-89ab-cdef-0123-456789abcdef"
TEXT = b"at=info measure#queue.wait=%07d method=GET path=/things/1234 status=200 some words that a program says"


def _output(path: Path, lines: int = LINES) -> None:
    """What conmon would have written, about 150 bytes a line."""
    head = b"2026-11-23T23:00:00.123456789+00:00 stdout F "
    with path.open("wb") as file:
        for start in range(0, lines, 10_000):
            file.write(b"".join([head + TEXT % n + b"\n" for n in range(start, min(start + 10_000, lines))]))


def _bare(path: Path) -> float:
    """Seconds of a loop that only reads chunks and writes them to a pipe-like socket that somebody drains."""
    ours, theirs = socket.socketpair()
    child = multiprocessing.get_context("fork").Process(target=_drain, args=(ours, theirs))
    child.start()
    theirs.close()
    start = time.perf_counter()
    with path.open("rb") as file:
        while chunk := file.read(256 * 1024):
            ours.sendall(chunk)
    ours.close()
    child.join()
    return time.perf_counter() - start


def _drain(ours: socket.socket, theirs: socket.socket) -> None:
    ours.close()
    while theirs.recv(256 * 1024):
        pass


def _reader(path: str, token: str, begin: object, result: object, events: bool) -> None:
    """Counts lines of the tail until all came; says how many, and when the last one did."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        kind = "text/event-stream" if events else "text/plain"
        sock.sendall(f"GET /logplex/sessions/{token} HTTP/1.1\r\nHost: x\r\nAccept: {kind}\r\n\r\n".encode())
        seen, rest, needle = 0, b"", b" app[web.1]: "
        sock.recv(65536)
        begin.set()  # type: ignore[attr-defined]
        sock.settimeout(5)
        while seen < LINES:
            try:
                data = sock.recv(1 << 20)
            except TimeoutError:
                break
            rest += data
            seen += rest.count(needle)
            rest = rest[max(rest.rfind(needle) + len(needle), len(rest) - len(needle) + 1) :]
    result.put((seen, time.perf_counter()))  # type: ignore[attr-defined]


def _live(path: str, rate: int) -> None:
    """A dyno that prints LINES lines at a steady rate, written as conmon would write them."""
    head = b"2026-11-23T23:00:00.123456789+00:00 stdout F "
    start, step = time.perf_counter(), rate // 100
    with open(path, "ab", buffering=0) as file:
        for done in range(0, LINES, step):
            file.write(b"".join([head + TEXT % n + b"\n" for n in range(done, min(done + step, LINES))]))
            time.sleep(max(0.0, start + (done + step) / rate - time.perf_counter()))


async def _tail(folder: Path, source: Path | None, *, events: bool) -> tuple[int, float, float]:
    """(lines that came, seconds, CPU seconds of this process) of a file that is there, or of a live dyno."""
    layout = Layout(folder / "data", folder / "run")
    sealer = Sealer(b"k" * 32)
    up = asyncio.Event()
    server = asyncio.create_task(serve(layout, sealer, list, lambda _: None, lambda _: False, up.set))
    await up.wait()
    token = sealer.seal({"app": APP, "lines": 0, "tail": True, "exp": time.time() + 600})
    spawn = multiprocessing.get_context("spawn")
    begin, result = spawn.Event(), spawn.Queue()
    sock = str(layout.socket("logplex"))
    child = spawn.Process(target=_reader, args=(sock, token, begin, result, events))
    child.start()
    target = layout.output / APP / "web.1.0000-1111.log"
    target.parent.mkdir(parents=True)
    # A plain tail sends nothing until a line comes; this first one opens the stream.
    first = target.with_name("run.1.0000-2222.log")
    while not begin.is_set():
        await asyncio.sleep(0.1)
        with first.open("ab") as file:
            file.write(b"2026-11-23T23:00:00.123456789+00:00 stdout F hello\n")
    await asyncio.sleep(0.2)
    start, cpu = time.perf_counter(), time.process_time()
    if source:
        os.rename(source, target)
    else:
        spawn.Process(target=_live, args=(str(target), LIVE_RATE)).start()
    seen, end = await asyncio.to_thread(result.get)
    cpu = time.process_time() - cpu
    child.join()
    server.cancel()
    await asyncio.wait([server])
    return seen, end - start, cpu


def run() -> list[tuple[str, str]]:
    """(what was measured, the figure)."""
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        source = base / "source"
        _output(source)
        bare = _bare(source)
        rows.append(("bare loop, file to socket, lines/s", f"{LINES / bare:,.0f}"))
        for label, events in (("text", False), ("events", True)):
            _output(source)
            seen, seconds, cpu = asyncio.run(_tail(base / label, source, events=events))
            rows.append((f"tail as {label}, lines/s", f"{seen / seconds:,.0f}"))
            rows.append((f"tail as {label}, lines/s of one core's CPU time", f"{seen / cpu:,.0f}"))
            rows.append((f"tail as {label}, lines lost", f"{LINES - seen:,}"))
            rows.append((f"tail as {label}, times the bare loop", f"{seconds / bare:.1f}"))
        seen, seconds, cpu = asyncio.run(_tail(base / "live", None, events=True))
        rows.append(
            (
                f"live dyno at {LIVE_RATE:,} lines/s, tail's lines/s, start of the writer included",
                f"{seen / seconds:,.0f}",
            )
        )
        rows.append(("live dyno, share of one core", f"{cpu / seconds:.0%}"))
        rows.append(("live dyno, lines lost", f"{LINES - seen:,}"))
    return rows


if __name__ == "__main__":
    for label, value in run():
        print(f"{label:60} {value}")
