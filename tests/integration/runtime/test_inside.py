"""What a dyno sees and may do, on the real machine."""

from __future__ import annotations

import asyncio
import re
import socket
import stat

import pytest

from haibun.runtime.driver import Driver, DynoSpec, Limits
from tests.contracts.machines import UID_BASE, OciMachine, ended

pytestmark = pytest.mark.root
PYTHON = "/usr/bin/python3"


def said(machine: OciMachine, *argv: str, **changes: object) -> str:
    """What a dyno of that command wrote until it ended."""
    spec = machine.spec(*argv, **changes)

    async def story(driver: Driver) -> None:
        await driver.start(spec)
        await ended(driver, spec)
        await asyncio.sleep(0.05)

    machine.run(story)
    return machine.text(spec)


def test_the_process_has_a_plain_user_and_no_capability(machine: OciMachine) -> None:
    text = said(machine, "sh", "-c", "id -u; id -g; grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status; pwd")
    assert text.startswith("1000\n1000\n")
    assert set(re.findall(r"Cap\w+:\s+(\w+)", text)) == {"0000000000000000"}
    assert re.search(r"NoNewPrivs:\s+1", text)
    assert re.search(r"Seccomp:\s+2", text)
    assert text.endswith("/app\n")


def test_the_environment_arrives_as_it_is(machine: OciMachine) -> None:
    env = {
        "PATH": "/usr/bin",
        "HOME": "/app",  # crun would set it if it were not there
        "QUOTES": "a\"b'c\\d $HOME `x`",
        "LINES_2": "one\ntwo\n",
        "UTF8": "俳句 ñ",
        "EMPTY": "",
    }
    text = said(machine, "/usr/bin/env", "-0", env=env)
    assert dict(item.split("=", 1) for item in text.rstrip("\n").split("\0") if item) == env


def test_output_has_the_form_of_conmon_and_belongs_to_the_log_owner(machine: OciMachine) -> None:
    spec = machine.spec("sh", "-c", "echo one; echo two >&2; printf three")

    async def story(driver: Driver) -> None:
        await driver.start(spec)
        await ended(driver, spec)
        await asyncio.sleep(0.05)

    machine.run(story)
    file = machine.output(spec)
    assert (file.stat().st_uid, file.stat().st_gid, stat.S_IMODE(file.stat().st_mode)) == (65533, 65533, 0o640)
    lines = [line.split(" ", 3) for line in file.read_text().splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d", line[0]) for line in lines)
    assert sorted(line[1:] for line in lines) == [
        ["stderr", "F", "two"],
        ["stdout", "F", "one"],
        ["stdout", "P", "three"],
    ]


def test_writes_are_a_dynos_own_and_go_with_it(machine: OciMachine) -> None:
    write = "echo mine > /app/file; echo mine > /tmp/file; ls /app /tmp; "
    write += "touch /usr/x /x /etc/x 2>/dev/null; echo $?"
    first = said(machine, "sh", "-c", write)
    assert first.startswith("/app:\nfile\n")
    assert first.endswith("1\n")
    assert "file" not in said(machine, "sh", "-c", "ls /app /tmp")


def test_the_hosts_name_servers_and_certificates_are_there(machine: OciMachine) -> None:
    text = said(machine, "sh", "-c", "cat /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt /etc/hostname")
    assert "nameserver 192.0.2.53\n" in text
    assert "certificates\nweb-1\n" in text


def test_dangerous_calls_are_refused(machine: OciMachine) -> None:
    code = """
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    ctypes.set_errno(0)
    return libc.syscall(*args), ctypes.get_errno()
assert call(272, 0x10000000) == (-1, errno.EPERM), "unshare"
assert call(56, 0x10000000 | 17, 0, 0, 0, 0) == (-1, errno.EPERM), "clone with a user namespace"
assert call(435, 0, 0) == (-1, errno.ENOSYS), "clone3"
assert call(425, 8, 0) == (-1, errno.EPERM), "io_uring_setup"
assert call(321, 0, 0, 0) == (-1, errno.EPERM), "bpf"
assert call(165, 0, 0, 0, 0, 0) == (-1, errno.EPERM), "mount"
assert call(250, 0, 0, 0) == (-1, errno.EPERM), "keyctl"
try:
    socket.socket(38, socket.SOCK_SEQPACKET)
except OSError as error:
    assert error.errno == errno.EAFNOSUPPORT
else:
    raise AssertionError("AF_ALG")
import subprocess, threading
threading.Thread(target=lambda: None).start()
subprocess.run(["sh", "-c", "true"], check=True)
print("fine")
"""
    assert said(machine, PYTHON, "-c", code).endswith("fine\n")


def test_programs_can_bind_both_kinds_of_any_address(machine: OciMachine) -> None:
    code = """
import socket
for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"), (socket.AF_INET6, "::1")):
    socket.socket(family).bind((host, 5000 + family))
print("bound")
"""
    assert said(machine, PYTHON, "-c", code) == "bound\n"


def server(machine: OciMachine, host: str, **changes: object) -> DynoSpec:
    code = f"""
import socket
listener = socket.create_server(({host!r}, 5000), family={"socket.AF_INET6" if ":" in host else "socket.AF_INET"})
print("ready", flush=True)
while True:
    listener.accept()[0].sendall(b"hello")
"""
    return machine.spec(PYTHON, "-c", code, port=5000, **changes)


async def until_ready(machine: OciMachine, spec: DynoSpec) -> None:
    async with asyncio.timeout(20):
        while "ready" not in machine.output(spec).read_text():
            await asyncio.sleep(0.02)


def test_the_host_reaches_a_dyno_and_dynos_reach_neither_each_other_nor_the_host(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        target = server(machine, "0.0.0.0")
        ip = (await driver.start(target)).ip
        await until_ready(machine, target)
        with socket.create_connection((ip, 5000), 5) as conn:
            assert conn.recv(5) == b"hello"
        host = socket.create_server(("0.0.0.0", 0))
        with host:
            port = host.getsockname()[1]
            code = f"""
import socket
for where in (({ip!r}, 5000), ("169.254.1.1", {port}), ("169.254.169.254", 80)):
    try:
        socket.create_connection(where, 1)
    except OSError as error:
        print(type(error).__name__)
    else:
        print("reached", where)
"""
            other = machine.spec(PYTHON, "-c", code, name="web.2")
            await driver.start(other)
            await ended(driver, other)
            await asyncio.sleep(0.05)
        assert machine.text(other).splitlines() == ["TimeoutError"] * 3

    machine.run(story)


@pytest.mark.parametrize(
    ("host", "where"), [("0.0.0.0", "any"), ("::", "any"), ("127.0.0.1", "loopback"), ("::1", "loopback")]
)
def test_listening_tells_who_could_connect(machine: OciMachine, host: str, where: str) -> None:
    async def story(driver: Driver) -> None:
        spec = server(machine, host)
        await driver.start(spec)
        await until_ready(machine, spec)
        assert await driver.listening(spec.id, 5000) == where
        assert await driver.listening(spec.id, 5001) is None

    machine.run(story)


def test_the_memory_limit_kills_and_says_so(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec(PYTHON, "-c", "x = b'x' * 300_000_000", limits=Limits(memory_mb=64))
        await driver.start(spec)
        seen = await ended(driver, spec)
        assert (seen.exit_code, seen.oom) == (137, True)

    machine.run(story)


def test_the_process_limit_holds(machine: OciMachine) -> None:
    code = """
import subprocess
started = []
try:
    for _ in range(40):
        started.append(subprocess.Popen(["sleep", "5"]))
except OSError as error:
    print("limited", len(started) < 16)
for process in started:
    process.kill()
"""
    assert said(machine, PYTHON, "-c", code, limits=Limits(processes=16)).endswith("limited True\n")


def test_a_terminal_echoes_and_knows_its_size(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        script = "stty size; read line; stty size; echo got $line"
        spec = machine.spec("sh", "-c", script, name="run.1", tty=True, stdin=True, rows=30, cols=100)
        await driver.start(spec)
        with await driver.attach(spec.id) as stream:
            assert await until(stream, b"30 100\r\n")
            await driver.resize(spec.id, 40, 120)
            await asyncio.sleep(0.2)
            stream.send(b"hey\n")
            text = await until(stream, b"got hey\r\n")
            assert b"hey\r\n40 120\r\n" in text
        await ended(driver, spec)

    machine.run(story)


async def until(stream: socket.socket, mark: bytes) -> bytes:
    stream.setblocking(False)
    text = b""
    async with asyncio.timeout(20):
        while mark not in text:
            more = await asyncio.get_running_loop().sock_recv(stream, 4096)
            assert more, text
            text += more
    return text


def test_output_before_the_attach_is_not_lost(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec("sh", "-c", "echo early", name="run.1", stdin=True)
        await driver.start(spec)
        await ended(driver, spec)
        with await driver.attach(spec.id) as stream:
            assert await until(stream, b"early\n") == b"early\n"

    machine.run(story)


def test_files_belong_to_the_apps_own_ids(machine: OciMachine) -> None:
    async def story(driver: Driver) -> None:
        spec = machine.spec("sh", "-c", "touch /app/mine")
        await driver.start(spec)
        await ended(driver, spec)
        made = machine.layout.dynos / spec.id / "upper/app/mine"
        assert made.stat().st_uid == UID_BASE + 1000

    machine.run(story)
