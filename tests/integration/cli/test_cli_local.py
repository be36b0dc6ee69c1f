"""`haibun local` with real processes."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_user import Cli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CLOCK = re.compile(r"^\d{1,2}:\d\d:\d\d [AP]M ", re.MULTILINE)


def write(cli: Cli, **files: str) -> None:
    for name, text in files.items():
        (cli.folder / name.replace("_env", ".env")).write_text(text)


def alive(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pid_file: Path) -> None:
    deadline = time.monotonic() + 10
    while alive(pid_file):
        assert time.monotonic() < deadline, f"{pid_file.name} is still there"
        time.sleep(0.02)


def test_every_type_has_its_port_and_the_variables(stranger: Cli) -> None:
    show = "echo $PORT $FOREMAN_WORKER_NAME $A; sleep 0.5"
    write(stranger, Procfile=f"web: {show}\nworker: {show}\nrelease: echo never\n", _env="A=from-env\n")
    done = stranger("local", "web=2,worker")
    lines = CLOCK.sub("", done.stdout).splitlines()
    assert "[OKAY] Loaded ENV .env File as KEY=VALUE Format" in lines
    for line in (
        "web.1    |  5006 web.1 from-env",
        "web.2    |  5007 web.2 from-env",
        "worker.1 |  5106 worker.1 from-env",
    ):
        assert line in lines
    assert "never" not in stranger("local").stdout


@pytest.mark.parametrize(
    ("words", "env_file", "env", "port"),
    [
        (["-p", "7000"], "PORT=6000", {"PORT": "5500"}, "7000"),
        ([], "PORT=6000", {"PORT": "5500"}, "6000"),
        ([], "", {"PORT": "5500"}, "5500"),
    ],
)
def test_where_the_port_comes_from(
    stranger: Cli, words: list[str], env_file: str, env: dict[str, str], port: str
) -> None:
    write(stranger, Procfile="web: echo port $PORT\n", _env=env_file)
    assert f"|  port {port}\n" in stranger("local", *words, **env).stdout


def test_all_end_when_one_does(stranger: Cli) -> None:
    write(
        stranger,
        Procfile=(
            "web: sleep 0.5; echo bye; exit 3\n"
            "worker: sleep 60 & echo $! > child; echo $$ > shell; wait; echo not reached\n"
        ),
    )
    began = time.monotonic()
    done = stranger("local")
    assert time.monotonic() - began < 10
    assert done.returncode == 3
    assert "Exited with exit code 3" in done.stderr
    wait_until_gone(stranger.folder / "child")
    wait_until_gone(stranger.folder / "shell")


def test_who_ignores_the_first_signal_is_killed_by_the_second(stranger: Cli) -> None:
    code = "import os,signal,time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; "
    code += "open('pid', 'w').write(str(os.getpid())); print('ready', flush=True); time.sleep(60)"
    write(stranger, Procfile=f"web: exec {sys.executable} -c {shlex.quote(code)}\n")
    child = subprocess.Popen(
        [stranger.program, "local:start"], cwd=stranger.folder, env=stranger.env, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    while "ready" not in child.stdout.readline():
        pass
    child.send_signal(signal.SIGINT)
    assert "Killing all processes" in child.stdout.readline()
    assert alive(stranger.folder / "pid")
    child.send_signal(signal.SIGINT)
    assert child.wait(5) == 0
    child.stdout.close()
    wait_until_gone(stranger.folder / "pid")


def test_lines_are_whole_and_bad_bytes_do_no_harm(stranger: Cli) -> None:
    write(stranger, Procfile="web: printf 'a\\nb\\377c\\n\\nlast without end' ; printf '%01000d\\n' 7 >&2\n")
    out = CLOCK.sub("", stranger("local").stdout)
    assert "web.1 |  a\nweb.1 |  b�c\n" in out
    assert "0" * 999 + "7" in out


def test_several_env_files_and_another_procfile(stranger: Cli) -> None:
    write(stranger, Other="web: echo $A $B\n", one="A=1\nB=1\n", two="B=2\n")
    assert "|  1 2\n" in stranger.ok("local", "-f", "Other", "-e", "one,two")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["local"], "No Procfile found"),
        (["local", "-f", "Nowhere"], "No Nowhere found"),
        (["local", "-f", "Types", "nosuch"], "no process type nosuch"),
        (["local", "-f", "Types", "web=x"], "say how many"),
        (["local", "-f", "Types", "web=0"], "nothing to start"),
        (["local", "-f", "Types", "web,web"], "twice"),
        (["local", "-f", "Types", "-e", "nowhere"], "no env file nowhere"),
        (["local", "-f", "Types", "-p", "x"], "not a port"),
        (["local", "-f", "Empty"], "declares no process type"),
        (["local:run"], "Must specify command"),
        (["local:run", "no-such-program"], "command not found"),
    ],
)
def test_what_is_refused(stranger: Cli, words: list[str], says: str) -> None:
    write(stranger, Types="web: true\n", Empty="nothing\n")
    done = stranger(*words)
    assert done.returncode not in (0, None)
    assert says in " ".join(done.stderr.replace("›", " ").split())


def test_run_has_the_variables_the_input_and_the_exit_code(stranger: Cli) -> None:
    write(stranger, _env="A='one two'\n")
    done = stranger("local:run", "--", "sh", "-c", 'echo "$A $1"; cat; exit 4', "x", "$HOME;ls", input="piped")
    assert done.stdout.endswith("one two $HOME;ls\npiped")
    assert done.returncode == 4
    assert "PORT=77" in stranger.ok("local:run", "-p", "77", "env")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60),
        min_size=200,
        max_size=200,
    )
)
def test_two_hundred_values_reach_a_process_byte_for_byte(stranger: Cli, values: list[str]) -> None:
    wanted = {f"VALUE_{number}": value for number, value in enumerate(values)}
    code = "import os,sys; sys.stdout.buffer.write(b'\\0'.join(k + b'=' + v for k, v in os.environb.items()))"
    as_lines = "".join(f"{key}={shlex.quote(value)}\n" for key, value in wanted.items())
    for text in (as_lines, json.dumps(wanted)):
        (stranger.folder / ".env").write_bytes(text.encode())
        out = subprocess.run(
            [stranger.program, "local:run", sys.executable, "--", "-c", code],
            cwd=stranger.folder, env=stranger.env, capture_output=True, check=True,
        ).stdout.partition(b"Format\n")[2]  # fmt: skip
        found = dict(entry.split(b"=", 1) for entry in out.split(b"\0"))
        assert {key: found[key.encode()] for key in wanted} == {key: v.encode() for key, v in wanted.items()}
