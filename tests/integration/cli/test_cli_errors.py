"""What goes wrong is a sentence with something to do, and Heroku's exit code; never a traceback."""

from __future__ import annotations

import socket

import pytest
from cli_platform import Platform
from cli_user import Cli


def test_a_server_that_is_down_is_named(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = cli("apps", HAIBUN_HOST=f"http://localhost:{port}")
    assert done.returncode == 100  # no token for it: said before anything is sent
    done = cli("apps", HAIBUN_HOST=f"http://localhost:{port}", HAIBUN_API_KEY="x")
    assert done.returncode == 1
    assert f"http://localhost:{port}" in done.stderr
    assert "haibun up" in done.stderr.replace("\n ›   ", " ")
    assert "Traceback" not in done.stderr


def test_a_server_that_is_none_of_ours(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        import threading

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>")
            connection.close()

        threading.Thread(target=answer).start()
        url = f"http://localhost:{listener.getsockname()[1]}"
        done = cli("whoami", HAIBUN_HOST=url, HAIBUN_API_KEY="x")
    assert done.returncode == 2
    assert "HTTP status 502" in done.stderr.replace("\n ›   ", " ")


def test_api_errors_look_as_herokus(cli: Cli) -> None:
    done = cli("ps", "-a", "nosuch")
    assert done.returncode == 2
    assert done.stderr == " ›   Error: Couldn't find that app.\n ›\n ›   Error ID: not_found\n"


def test_warnings_of_the_server_are_passed_on(cli: Cli, platform: Platform) -> None:
    platform.warning = "The disk is nearly full."
    done = cli("ps", "-a", "demo")
    assert (done.returncode, done.stderr) == (0, " ›   Warning: The disk is nearly full.\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nosuchcommand"], 127, "nosuchcommand is not a haibun command."),
        (["confg"], 127, "Did you mean config?"),
        (["auth", "login"], 127, "Did you mean haibun auth:login?"),
        (["ps", "--nope", "-a", "demo"], 2, "Nonexistent flag: --nope"),
        (["ps", "-a"], 2, "Flag -a expects a value."),
        (["rename", "-a", "demo"], 2, "Missing 1 required arg: NEWNAME"),
        (["apps:info", "-a", "demo", "x", "y"], 2, "Unexpected argument: y"),
        (["apps", "--host", "ftp://x"], 1, "is not the address of a Haibun server"),
        (["help", "nosuch"], 127, "Command nosuch not found"),
    ],
)
def test_misuse(cli: Cli, words: list[str], code: int, said: str) -> None:
    done = cli(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_hosts_file_is_named(cli: Cli) -> None:
    cli.hosts_file.write_text("{")
    done = cli("apps")
    assert done.returncode == 1
    assert "hosts.json" in done.stderr


def test_debug_shows_where(cli: Cli) -> None:
    assert "Traceback" in cli("ps", "-a", "nosuch", HAIBUN_DEBUG="1").stderr
