"""Bytes that no git client sends. Every answer is a status of ours, and the room goes on."""

from __future__ import annotations

import base64
import gzip
import http.client
import os
import random
import resource
import zlib

import pytest

from haibun.wire import pkt_line


def ask(host, method, path, body=None, service="git-receive-pack", **headers):
    """(status, body) of one request with good credentials."""
    credentials = base64.b64encode(f"x:{host.token}".encode()).decode()
    given = {
        "Authorization": f"Basic {credentials}",
        "Content-Type": f"application/x-{service}-request",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
    try:
        connection.request(method, path, body=body, headers=given)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def still_works(host):
    status, body = ask(host, "GET", "/old-pond.git/info/refs?service=git-receive-pack")
    assert status == 200
    assert body.startswith(b"001f# service=git-receive-pack\n0000")


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fetc.git/info/refs?service=git-upload-pack",
        "/old-pond%2f..%2fold-pond.git/info/refs?service=git-upload-pack",
        "/../old-pond.git/../../etc/passwd",
        "/.git/info/refs?service=git-upload-pack",
        "/Old-Pond.git/info/refs?service=git-upload-pack",
        "/old-pond%00.git/info/refs?service=git-upload-pack",
        "/old-pond%0a.git/info/refs?service=git-upload-pack",
        "/-old-pond.git/info/refs?service=git-upload-pack",
        "/--upload-pack=x.git/info/refs?service=git-upload-pack",
        "/old-pond.git/HEAD",
        "/old-pond.git/config",
        "/old-pond.git/objects/info/packs",
    ],
)
def test_no_path_leads_out_of_an_app(host, path):
    assert ask(host, "GET", path)[0] == 404
    still_works(host)


@pytest.mark.parametrize("service", ["", "git-upload-archive", "git-receive-pack%00", "--help", "git-foo"])
def test_only_two_services_are_spoken(host, service):
    assert ask(host, "GET", f"/old-pond.git/info/refs?service={service}")[0] == 403


def test_an_app_id_is_no_address(host):
    assert ask(host, "GET", f"/{host.app.id}.git/info/refs?service=git-upload-pack")[0] == 404


@pytest.mark.parametrize(
    "value", ["", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode(), "Bearer x", "Basic /w=="]
)
def test_odd_credentials_are_unauthorized(host, value):
    status, body = ask(host, "GET", "/old-pond.git/info/refs?service=git-receive-pack", Authorization=value)
    assert status == 401
    assert b"Traceback" not in body


def test_wrong_methods_and_types(host):
    assert ask(host, "GET", "/old-pond.git/git-receive-pack")[0] == 405
    assert ask(host, "POST", "/old-pond.git/git-receive-pack", b"0000", Content_Type="text/plain")[0] == 415
    assert ask(host, "POST", "/old-pond.git/git-receive-pack", b"0000", Content_Encoding="br")[0] == 415


@pytest.mark.parametrize("service", ["git-receive-pack", "git-upload-pack"])
def test_garbage_is_answered_and_leaves_nothing(host, service):
    chance = random.Random(5)
    zero, one, ref = b"0" * 40, b"1" * 40, b"refs/heads/main"
    bodies = [
        b"",
        b"0000",
        b"zzzz",
        b"ffff" + b"a" * 70000,
        b"0001" * 100,
        b"0004",
        pkt_line.encode(b"%s %s %s\0 report-status side-band-64k\n" % (zero, one, ref)),
        pkt_line.encode(b"%s %s %s\0 report-status side-band-64k\n" % (zero, one, ref)) + b"0000PACK garbage",
        pkt_line.encode(b"%s %s refs/heads/../../x\0 report-status\n" % (zero, one)) + b"0000",
        pkt_line.encode(b"want " + one + b"\n") + b"0000" + pkt_line.encode(b"done\n"),
        *(chance.randbytes(chance.randrange(5000)) for _ in range(10)),
        *(pkt_line.encode(chance.randbytes(chance.randrange(200))) + b"0000" for _ in range(10)),
    ]
    for body in bodies:
        assert ask(host, "POST", f"/old-pond.git/{service}", body, service=service)[0] in (200, 400)
    still_works(host)
    assert host.room.rows() == []
    repo = host.layout.repos / f"{host.app.id}.git"
    assert not list((repo / "objects").glob("tmp_objdir-*"))
    assert sorted(path.name for path in repo.iterdir()) == ["HEAD", "config", "objects", "refs"]


def test_a_gzip_bomb_neither_grows_nor_lasts(host):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(200)) + squeeze.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status, _ = ask(
        host, "POST", "/old-pond.git/git-upload-pack", bomb, service="git-upload-pack", Content_Encoding="gzip"
    )
    assert status in (400, 413)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 20
    still_works(host)


def test_broken_gzip_is_a_bad_request(host):
    whole = gzip.compress(b"0000")
    for body in (b"not gzip", whole[:-9], os.urandom(500)):
        status, said = ask(host, "POST", "/old-pond.git/git-receive-pack", body, Content_Encoding="gzip")
        assert status == 400
        assert b"gzip" in said
    assert ask(host, "POST", "/old-pond.git/git-receive-pack", whole, Content_Encoding="gzip")[0] == 200


def test_the_environment_of_the_platform_stays_outside(host, monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "uploadpack.packObjectsHook")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "false")
    work = host.checkout()
    work.commit(app="1")
    code, said = work.push("main")
    assert code == 0, said
    work.git("clone", "-q", host.url(), "here")


def test_a_repository_with_a_dot_git_in_its_tree_is_refused(host):
    work = host.checkout()
    work.commit(app="1")
    blob = work.git("hash-object", "app")
    tree_file = work.path.parent / "tree"
    tree_file.write_bytes(b"100644 .git\0" + bytes.fromhex(blob))
    tree = work.git("hash-object", "-t", "tree", "--literally", "-w", str(tree_file))
    commit = work.git("commit-tree", "-m", "evil", tree)
    code, said = work.push(f"{commit}:refs/heads/main")
    assert code == 1
    assert "hasDotgit" in said
    assert host.room.rows() == []
