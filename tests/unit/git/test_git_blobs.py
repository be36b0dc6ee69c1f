"""Streams and sources as files: append and follow, whole or not at all."""

from __future__ import annotations

import asyncio

import pytest

from haibun.blobs import sources, streams
from haibun.core.errors import NotFound, Refused
from haibun.core.layout import Layout
from haibun.kit.ids import new_id


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "data", tmp_path / "run")


def test_a_follower_sees_growth_and_every_byte_before_the_end(layout):
    stream_id, seen = new_id(), bytearray()

    async def write():
        await asyncio.sleep(0.02)
        writer = streams.StreamWriter(layout, stream_id)
        writer.write("ä\n")
        while b"\n" not in seen:  # it comes while the stream is still open
            await asyncio.sleep(0.001)
        assert streams.status(layout, stream_id) is None
        writer.write(b"x" * 300_000)
        writer.finish("succeeded")

    async def read():
        async with asyncio.timeout(5):
            async for chunk in streams.follow(layout, stream_id, poll_seconds=0.001):
                assert len(chunk) <= streams.CHUNK_BYTES
                seen.extend(chunk)

    async def both():
        await asyncio.gather(write(), read())

    asyncio.run(both())
    assert bytes(seen) == "ä\n".encode() + b"x" * 300_000
    assert streams.status(layout, stream_id) == "succeeded"


def test_a_writer_that_comes_back_goes_on(layout):
    stream_id = new_id()
    with streams.StreamWriter(layout, stream_id) as first:
        first.write("one\n")
    again = streams.StreamWriter(layout, stream_id)
    again.write("two\n")
    again.finish("failed")
    assert streams.path(layout, stream_id).read_text() == "one\ntwo\n"
    assert streams.path(layout, stream_id).stat().st_mode & 0o077 == 0
    streams.delete(layout, stream_id)
    assert list(layout.streams.iterdir()) == []


async def chunks_of(*chunks):
    for chunk in chunks:
        if isinstance(chunk, Exception):
            raise chunk
        yield chunk


def test_a_source_is_kept_whole(layout):
    source_id = new_id()
    assert asyncio.run(sources.put(layout, source_id, chunks_of(b"ab", b"", b"c"))) == 3
    assert sources.path(layout, source_id).read_bytes() == b"abc"
    sources.delete(layout, source_id)
    sources.delete(layout, source_id)
    assert list(layout.sources.iterdir()) == []


def test_a_source_over_the_limit_or_cut_short_leaves_nothing(layout):
    with pytest.raises(Refused, match="larger than"):
        asyncio.run(sources.put(layout, new_id(), chunks_of(b"ab", b"c"), limit_bytes=2))
    with pytest.raises(ConnectionError):
        asyncio.run(sources.put(layout, new_id(), chunks_of(b"ab", ConnectionError())))
    assert list(layout.sources.iterdir()) == []


@pytest.mark.parametrize("bad", ["", "..", "../../etc/passwd", "x" * 36])
def test_only_an_id_becomes_a_path(layout, bad):
    for path in (streams.path, sources.path):
        with pytest.raises(NotFound):
            path(layout, bad)
