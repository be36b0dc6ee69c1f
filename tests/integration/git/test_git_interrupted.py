"""Pushes that do not run alone or to their end."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
from pathlib import Path

from git_waiting import eventually

from haibun.wire import pkt_line


def started(process: subprocess.Popen[str]) -> None:
    """Wait until the push shows the first line of its build."""
    assert process.stderr is not None
    for line in process.stderr:
        if "Building on" in line:
            return
    raise AssertionError("the build never started")


def children_named(word: str) -> list[str]:
    """Command lines on this machine with that word, of processes that are no zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if word in line:
                found.append(line)
    return found


def test_ctrl_c_cancels_the_build_and_frees_the_app(host):
    work = host.checkout()
    work.commit(slow="")
    process = work.popen("push", host.url(), "main")
    started(process)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=10)
    eventually(lambda: len(host.room.cancelled) == 1)
    eventually(lambda: children_named(f"receive-pack --stateless-rpc {host.layout.repos}") == [])
    eventually(lambda: children_named(str(host.layout.data / "hooks")) == [])
    assert work.remote_refs() == {}
    assert not list(host.layout.repos.glob("*/objects/tmp_objdir-*"))
    host.room.let_go.set()
    code, said = work.push("main")
    assert code == 0, said
    assert [row.status for row in host.room.rows()] == ["failed", "succeeded"]


def test_a_second_push_while_a_build_runs_is_refused_with_a_sentence(host):
    work = host.checkout()
    work.commit(slow="")
    first = work.popen("push", host.url(), "main")
    started(first)
    other = host.checkout()
    other.commit(app="2")
    code, said = other.push("main")
    assert code == 1
    assert "remote:  !     Another build of old-pond is under way, started by basho@example.com" in said
    assert "remote: !       Push rejected to old-pond." in said
    assert len(list(host.layout.sources.iterdir())) == 1
    host.room.let_go.set()
    out, err = first.communicate(timeout=10)
    assert first.returncode == 0, out + err
    assert "Verifying deploy... done." in err
    assert len(host.room.rows()) == 1


def test_a_build_that_ends_without_finishing_its_stream_ends_the_push(host, monkeypatch):
    from haibun.control import builds
    from haibun.git import push

    monkeypatch.setattr(push, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr("haibun.blobs.streams.StreamWriter.finish", lambda self, status: None)
    work = host.checkout()
    work.commit(slow="")
    process = work.popen("push", host.url(), "main")
    started(process)
    builds.fail(host.control, host.room.rows()[0].id, "the builder died")
    _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Push rejected to old-pond." in err


def test_output_comes_while_the_build_still_runs(host):
    work = host.checkout()
    work.commit(slow="")
    process = work.popen("push", host.url(), "main")
    started(process)
    assert host.room.rows()[0].status == "pending"
    host.room.let_go.set()
    assert process.wait(10) == 0
    process.communicate()


def test_a_client_that_leaves_in_the_middle_of_its_pack_leaves_nothing(host):
    zero, one = b"0" * 40, b"1" * 40
    command = pkt_line.encode(b"%s %s refs/heads/main\0 report-status side-band-64k\n" % (zero, one))
    pack = b"PACK" + (2).to_bytes(4, "big") + (500).to_bytes(4, "big") + b"\xb0\x10"
    credentials = base64.b64encode(f"x:{host.token}".encode())
    with socket.create_connection(("127.0.0.1", host.port)) as client:
        client.sendall(
            b"POST /old-pond.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n"
            b"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 100000\r\n\r\n" % credentials
        )
        client.sendall(command + b"0000" + pack)
        eventually(lambda: list(host.layout.repos.glob("*/objects/tmp_objdir-*")))
    eventually(lambda: children_named(f"receive-pack --stateless-rpc {host.layout.repos}") == [])
    eventually(lambda: not list(host.layout.repos.glob("*/objects/tmp_objdir-*")))
    assert host.room.rows() == []
