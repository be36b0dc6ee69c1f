"""Logs over server-sent events: filters, ends, breaks, and reconnecting a tail."""

from __future__ import annotations

import os
import pty
import signal
import subprocess

from cli_platform import Platform
from cli_user import Cli


def event(number: int, text: str) -> bytes:
    return f"id: {number}\ndata: {text}\n\n".encode()


def line(number: int) -> str:
    return f"2026-01-02T03:04:05.00000{number}+00:00 app[web.1]: line {number}"


def test_recent_lines_whatever_the_chunks(cli: Cli, platform: Platform) -> None:
    text = b": keepalive\n\n" + event(1, line(1)) + event(2, line(2) + "é") + event(3, "a\ndata: b")
    platform.log_connections.append([text[place : place + 7] for place in range(0, len(text), 7)])
    words = ("logs", "-n", "5", "-p", "web", "-s", "app", "-a", "demo")
    assert cli.ok(*words) == f"{line(1)}\n{line(2)}é\na\nb\n"
    body = {"lines": 5, "tail": False, "dyno": "web", "source": "app"}
    assert platform.requests[-1] == ("POST", "/apps/demo/log-sessions", body)
    assert platform.log_requests[0]["Accept"] == "text/event-stream"


def test_a_stream_that_breaks_off_is_said_to(cli: Cli, platform: Platform) -> None:
    platform.log_connections.append([event(1, line(1)), b""])
    done = cli("logs", "-a", "demo")
    assert (done.returncode, done.stdout) == (1, line(1) + "\n")
    assert "broke off" in done.stderr


def test_an_expired_session_is_said_to(cli: Cli) -> None:
    done = cli("logs", "-a", "demo")
    assert done.returncode == 1
    assert "Log stream timed out. Please try again." in done.stderr


def test_a_tail_goes_on_after_ends_and_breaks_without_repeating(cli: Cli, platform: Platform) -> None:
    platform.log_connections += [
        [b"retry: 50\n\n" + event(1, line(1)) + event(2, line(2))],
        [event(3, line(3)), b"id: 4\ndata: half of a line tha", b""],
        [event(4, line(4))],
    ]
    done = cli("logs", "--tail", "-a", "demo")
    assert done.stdout == "".join(f"{line(number)}\n" for number in (1, 2, 3, 4))
    assert [request.get("Last-Event-ID") for request in platform.log_requests] == [None, "2", "3", "4"]
    assert (done.returncode, done.stderr) == (1, " ›   Error: Log stream timed out. Please try again.\n")


def test_colours_on_a_terminal_only(cli: Cli, platform: Platform) -> None:
    platform.log_connections.append([event(1, line(1))])
    assert "\x1b" not in cli.ok("logs", "-a", "demo")
    platform.log_connections.append([event(1, line(1))])
    main, side = pty.openpty()
    process = subprocess.Popen(
        [cli.program, "logs", "-a", "demo"], env=cli.env, cwd=cli.folder, stdout=side, stdin=subprocess.DEVNULL
    )
    os.close(side)
    assert process.wait(20) == 0
    assert os.read(main, 4096).decode() == "\x1b[32m2026-01-02T03:04:05.000001+00:00 app[web.1]:\x1b[0m line 1\r\n"
    os.close(main)


def test_a_reader_that_leaves_ends_a_tail_quietly(cli: Cli, platform: Platform) -> None:
    platform.log_connections += [[b"retry: 20\n\n"] + [event(number, line(1)) for number in range(50)]] * 40
    process = subprocess.Popen(
        f"{cli.program} logs --tail -a demo | head -n 1",
        shell=True,
        env=cli.env,
        cwd=cli.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL),
    )
    out, err = process.communicate(timeout=20)
    assert (out, err) == (line(1) + "\n", "")
