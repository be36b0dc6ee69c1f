"""The small parts of the git room: bodies, credentials, repositories, tars, sentences."""

from __future__ import annotations

import asyncio
import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haibun.core.errors import NotFound, Refused, Unauthorized
from haibun.core.layout import Layout
from haibun.git import archive, bodies, repos, transcript
from haibun.git.access import password
from haibun.kit.ids import new_id


def read_body(chunks: list[bytes | None], encoding: str = "", limit_bytes: int = 10_000_000) -> list[bytes]:
    """The pieces of a body that arrives in these chunks; None is a client that leaves."""
    messages = [
        {"type": "http.disconnect"}
        if chunk is None
        else {"type": "http.request", "body": chunk, "more_body": True}
        for chunk in chunks
    ] + [{"type": "http.request"}]

    async def receive():
        return messages.pop(0)

    async def read():
        return [piece async for piece in bodies.pieces(receive, encoding, limit_bytes)]

    return asyncio.run(read())


@given(st.binary(max_size=300_000), st.integers(1, 5000), st.booleans())
def test_a_body_comes_out_whole_in_bounded_pieces(data, step, zipped):
    sent = gzip.compress(data, 1) if zipped else data
    pieces = read_body([sent[i : i + step] for i in range(0, len(sent), step)], "gzip" if zipped else "")
    assert b"".join(pieces) == data
    assert all(len(piece) <= bodies.PIECE_BYTES for piece in pieces)


def test_a_bomb_is_stopped_at_the_limit():
    with pytest.raises(Refused) as caught:
        read_body([gzip.compress(bytes(5_000_000))], "gzip", limit_bytes=1_000_000)
    assert caught.value.status == 413


def test_a_client_that_leaves_is_told_apart_from_an_end():
    with pytest.raises(bodies.ClientGone):
        read_body([b"a", None])


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_encodings_are_refused(encoding):
    with pytest.raises(Refused) as caught:
        read_body([b"x"], encoding)
    assert caught.value.status == 415


def test_the_password_is_all_after_the_first_colon():
    assert password("Basic OmE6Yg==") == "a:b"
    assert password("basic eDpI") == "H"


@given(st.text(max_size=60))
def test_any_other_header_is_unauthorized(text):
    with pytest.raises(Unauthorized):
        password(text.replace(":", ""))


def test_repositories_are_made_pointed_and_swept(tmp_path):
    layout = Layout(tmp_path, tmp_path / "run")
    kept, gone = new_id(), new_id()
    repo = repos.ensure(layout, kept)
    repos.ensure(layout, gone)
    assert repos.ensure(layout, kept) == repo
    (repo / "refs/heads/master").write_text("a" * 40)
    repos.point_head(repo)
    assert (repo / "HEAD").read_text() == "ref: refs/heads/master\n"
    (repo / "packed-refs").write_text(f"# pack-refs with: peeled\n{'b' * 40} refs/heads/main\n")
    repos.point_head(repo)
    assert (repo / "HEAD").read_text() == "ref: refs/heads/main\n"
    (layout.repos / "something-else").mkdir()
    assert repos.sweep(layout, lambda: [kept]) == [gone]
    assert sorted(path.name for path in layout.repos.iterdir()) == sorted([f"{kept}.git", "something-else"])


@pytest.mark.parametrize("bad", ["", "..", "../x", "a/b", "x" * 36, "00000000-0000-0000-0000-00000000000/"])
def test_only_an_id_becomes_a_path(tmp_path, bad):
    with pytest.raises(NotFound):
        repos.ensure(Layout(tmp_path, tmp_path), bad)
    assert not (tmp_path / "repos").exists()


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_a_tar_tells_its_submodules_and_pointers(tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    file = tmp_path / "tar"
    file.write_bytes(
        tar_of(
            {
                "empty": b"",
                "a.png": pointer,
                "deep/.gitmodules": b"x",
                "big": pointer + bytes(5000),
                "b.png": pointer,
                "last": b"z" * 513,
                ".gitmodules": b"",
            }
        )
    )
    with file.open("rb") as tar:
        assert archive.look(tar.fileno()) == archive.Facts(None, True, 2, "a.png")


def test_sentences():
    assert transcript.warning("one\ntwo", "three") == " !     one\n !     two\n !     three\n"
    assert transcript.lfs(1, "a")[0].startswith("a is a Git LFS pointer")
    assert transcript.lfs(3, "a")[0].startswith("3 files are Git LFS pointers (a)")
