"""What the real conmon writes of what a program prints. Its OCI runtime is a stand-in that starts the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from haibun.wire import k8s_log, log_line

RUNTIME = """#!{python}
import os, sys
if "create" in sys.argv:
    child = os.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, {program!r}])
    with open(sys.argv[sys.argv.index("--pid-file") + 1], "w") as file:
        file.write(str(child))
"""
PROGRAM = r"""
import os, time
os.write(1, b"hello\n\n")
os.write(1, "\u00e9".encode() * 9000 + b"\n" + b"y" * 10000 + b"\n" + b"z" * 10001 + b"\n")
os.write(1, b"no end yet,")
time.sleep(0.2)
os.write(2, b"error\n")
time.sleep(0.2)
os.write(1, b" now\r\n\xff\x00bad\n")
os.write(1, b"last")
"""


@pytest.mark.root
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_lines_of_the_real_conmon(tmp_path: Path, zone: str) -> None:
    program, runtime, output = tmp_path / "program.py", tmp_path / "runtime", tmp_path / "web.1.d.log"
    program.write_text(PROGRAM)
    runtime.write_text(RUNTIME.format(python=sys.executable, program=str(program)))
    runtime.chmod(0o755)
    (tmp_path / "config.json").write_text("{}")
    names = ["--sync", "-c", "test", "-u", "test", "-n", "test", "-b", str(tmp_path), "-r", str(runtime)]
    files = ["-l", f"k8s-file:{output}", "-p", str(tmp_path / "pid"), "--exit-dir", str(tmp_path)]
    command = ["conmon", *names, *files, "--socket-dir-path", str(tmp_path)]
    # Its own exit code is of no interest: it misses the pipe on which a caller waits for the start.
    subprocess.run(command, env={**os.environ, "TZ": zone}, timeout=30, check=False)
    carry: k8s_log.Carry = {}
    mark = log_line.mark("app", "web.1")
    now = subprocess.check_output(["date", "-u", "+%Y-%m-%dT%H:%M"], text=True).encode().strip()
    lines = k8s_log.decode(output.read_bytes(), mark, carry, b"")
    assert [line[26 + len(mark) :].decode() for line in lines if b": error" not in line] == [
        "hello",
        "",
        "é" * 5000,
        "é" * 4000,
        "y" * 10000,
        "z" * 10000,
        "z",
        "no end yet, now",
        "\ufffd\ufffdbad",
    ]
    assert [line[26:] for line in lines if b": error" in line] == [mark + b"error"]
    assert carry == {b"stdout": b"last"}
    assert all(line[:14] == now[:14] and abs(int(line[14:16]) - int(now[14:16])) in (0, 1, 59) for line in lines)
