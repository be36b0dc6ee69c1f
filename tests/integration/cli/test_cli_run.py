"""One-off dynos over a real TLS line: pipes, a terminal, Ctrl-C, exit codes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable

import pytest
from cli_platform import Platform
from cli_rendezvous import SECRET, Line, Rendezvous
from cli_user import Cli

Attach = Callable[..., Rendezvous]
BIG = (bytes(range(5, 256)) + b"\r\n") * 4000


def sent(platform: Platform) -> dict[str, object]:
    return next(body for method, path, body in platform.requests if path == "/apps/demo/dynos")


def test_output_and_exit_code_come_through_pipes(cli: Cli, platform: Platform, attach: Attach) -> None:
    def script(line: Line) -> None:
        assert line.secret == SECRET
        line.write(b"hello\n")
        line.exit(3)

    attach(script)
    done = cli("run", "python", "-c", "print('a b')", "-a", "demo")
    assert (done.returncode, done.stdout) == (3, "hello\n")
    assert done.stderr.splitlines()[-1] == "Running python -c \"print('a b')\" on demo... up, run.1662"
    body = sent(platform)
    assert body["command"] == 'python -c "print(\'a b\')" ; echo "\uffff heroku-command-exit-status: $?"'
    assert body["attach"] is True
    assert body["force_no_tty"] is True
    assert body["env"] == {"TERM": "xterm"}


def test_output_right_behind_the_greeting_is_kept(cli: Cli, attach: Attach) -> None:
    def script(line: Line) -> None:
        line.write(b"x")
        line.exit(0)

    attach(script)
    assert cli.ok("run", "true", "-a", "demo") == "x"


def test_piped_input_arrives_whole_and_ends_with_eot(cli: Cli, attach: Attach) -> None:
    got = []

    def script(line: Line) -> None:
        data = b""
        while not data.endswith(b"\x04"):
            data += line.connection.recv(65536)
        got.append(data)
        line.write(data[:-1])
        line.exit(0)

    attach(script)
    done = subprocess.run(
        [cli.program, "run", "cat", "-a", "demo"],
        input=BIG,
        env=cli.env,
        cwd=cli.folder,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert got == [BIG + b"\x04"]
    assert done.stdout == BIG


def test_a_dyno_that_ends_before_its_input_does(cli: Cli, attach: Attach) -> None:
    attach(lambda line: line.exit(7))
    done = subprocess.run(
        [cli.program, "run", "false", "-a", "demo"],
        input=BIG * 20,
        env=cli.env | {"HAIBUN_DEBUG": "1"},
        cwd=cli.folder,
        capture_output=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (7, b""), done.stderr.decode()


def test_flags_before_and_behind_the_command(cli: Cli, platform: Platform, attach: Attach) -> None:
    attach(lambda line: line.exit(0))
    words = (
        "-e",
        "A=1;B=x y",
        "-s",
        "standard-2x",
        "--type",
        "web",
        "manage.py",
        "migrate",
        "--fake",
        "-a",
        "demo",
    )
    assert cli("run", "-x", *words).returncode == 0
    body = sent(platform)
    assert str(body["command"]).startswith("manage.py migrate --fake ; echo")
    assert body["env"] == {"TERM": "xterm", "A": "1", "B": "x y"}
    assert (body["size"], body["type"]) == ("standard-2x", "web")


def test_after_two_dashes_flags_are_the_commands_own(cli: Cli, platform: Platform, attach: Attach) -> None:
    attach(lambda line: line.exit(0))
    cli("run", "-a", "demo", "--", "server", "-e", "production", "--help")
    assert str(sent(platform)["command"]).startswith("server -e production --help ;")


def test_a_line_that_ends_without_an_exit_code(cli: Cli, attach: Attach) -> None:
    attach(lambda line: line.write(b"bye\n"))
    done = cli("run", "x", "-a", "demo")
    assert (done.returncode, done.stdout) == (1, "bye\n")
    assert "without an exit code" in done.stderr


def test_why_there_is_no_session_is_passed_on(cli: Cli, attach: Attach) -> None:
    attach(lambda line: None, b"No such session: it has ended.\r\n")
    done = cli("run", "x", "-a", "demo")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(" ›   Error: No such session: it has ended.\n")


def test_an_authority_that_is_not_trusted_is_refused(cli: Cli, attach: Attach) -> None:
    rendezvous = attach(lambda line: line.exit(0))
    cli.hosts_file.write_text(cli.hosts_file.read_text().replace("ca_file", "no_ca_file"))
    done = cli("run", "x", "-a", "demo")
    assert done.returncode == 1
    assert "is not trusted" in done.stderr
    rendezvous.finish()
    assert rendezvous.error is not None


def test_detached(cli: Cli, platform: Platform) -> None:
    done = cli("run:detached", "echo", "hi", "-a", "demo")
    assert done.stderr == "Running echo hi on demo... done, run.1662\n"
    assert done.stdout == "Run haibun logs --app demo --dyno-name run.1662 to view the output.\n"
    assert sent(platform)["command"] == "echo hi"
    assert sent(platform)["attach"] is False
    assert cli("run").returncode == 1


class Terminal:
    """haibun in a terminal of 90 x 30, as a person has it."""

    def __init__(self, cli: Cli, *words: str) -> None:
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
        self.before = termios.tcgetattr(side)
        self.side = side
        self.process = subprocess.Popen(
            [cli.program, *words],
            env=cli.env,
            cwd=cli.folder,
            stdin=side,
            stdout=side,
            stderr=side,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.screen = b""

    def wait_for(self, text: bytes) -> None:
        deadline = time.monotonic() + 20
        while text not in self.screen:
            left = deadline - time.monotonic()
            assert select.select([self.main], [], [], max(left, 0))[0], self.screen
            self.screen += os.read(self.main, 4096)

    def type(self, keys: bytes) -> None:
        os.write(self.main, keys)

    def close(self) -> int:
        code = self.process.wait(20)
        self.after = termios.tcgetattr(self.side)
        with contextlib.suppress(OSError):
            while select.select([self.main], [], [], 0.2)[0]:
                self.screen += os.read(self.main, 4096)
        os.close(self.main)
        os.close(self.side)
        return code


def test_a_terminal_sends_every_key_and_is_put_back(cli: Cli, platform: Platform, attach: Attach) -> None:
    def script(line: Line) -> None:
        line.write(b"$ ")
        assert line.read_until(b"\r") == b"ls"
        line.write(b"one\r\ntwo\r\n$ ")
        assert line.read_until(b"\x03") == b""
        line.write(b"^C interrupted\r\n")
        line.exit(130)

    attach(script)
    terminal = Terminal(cli, "run", "bash", "-a", "demo")
    terminal.wait_for(b"$ ")
    terminal.type(b"ls\r")
    terminal.wait_for(b"two\r\n$ ")
    terminal.type(b"\x03")
    assert terminal.close() == 130
    assert terminal.screen.endswith(b"^C interrupted\r\n")
    assert terminal.after == terminal.before
    body = sent(platform)
    assert body["env"] == {"TERM": "xterm", "COLUMNS": 90, "LINES": 30}
    assert "force_no_tty" not in body


def test_ctrl_c_again_and_again_lets_go(cli: Cli, attach: Attach) -> None:
    def script(line: Line) -> None:
        line.write(b"$ ")
        with contextlib.suppress(EOFError):
            line.read_until(b"never")

    attach(script)
    terminal = Terminal(cli, "run", "bash", "-a", "demo")
    terminal.wait_for(b"$ ")
    terminal.type(b"\x03\x03\x03\x03")
    assert terminal.close() == 130
    assert terminal.after == terminal.before
    assert b"Disconnected" in terminal.screen


@pytest.mark.parametrize("signal_number", [15, 1])
def test_a_killed_client_puts_the_terminal_back(cli: Cli, attach: Attach, signal_number: int) -> None:
    def script(line: Line) -> None:
        line.write(b"$ ")
        with contextlib.suppress(EOFError):
            line.read_until(b"never")

    attach(script)
    terminal = Terminal(cli, "run", "bash", "-a", "demo")
    terminal.wait_for(b"$ ")
    terminal.process.send_signal(signal_number)
    assert terminal.close() == 128 + signal_number
    assert terminal.after == terminal.before
