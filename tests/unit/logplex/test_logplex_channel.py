"""The ring of an app: exactly 1,500 lines, on disk, whole after any crash, small."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from haibun.logplex.channel import KEPT_SECONDS, RING, Channel
from haibun.logplex.channels import Channels
from haibun.logplex.records import Batch
from haibun.logplex.tail import Tail, Wanted
from haibun.wire import log_line

ALL = Wanted()


def _lines(*texts: str, ps: str = "web.1") -> list[bytes]:
    return [log_line.line(time.time(), "app", ps, text.encode()) for text in texts]


def _texts(batches: list[Batch]) -> list[str]:
    return [line.split(b": ", 1)[1].decode() for batch in batches for line in batch.lines]


def _ids(batches: list[Batch]) -> list[int]:
    return [batch.first + place for batch in batches for place in range(len(batch.lines))]


@pytest.mark.parametrize("batch", [1, 7, 499, 500, 1499, 1500, 1501, 4000])
def test_ring_holds_exactly_the_last_1500(tmp_path: Path, batch: int) -> None:
    channel = Channel(tmp_path / "a")
    total = 0
    while total < 4_000:
        channel.append("app", "web.1", _lines(*(str(n) for n in range(total, total + batch))))
        total += batch
    for seen in (channel, Channel(tmp_path / "a")):
        found = seen.read(ALL)
        assert _texts(found) == [str(n) for n in range(total - RING, total)]
        assert _ids(found) == list(range(total - RING + 1, total + 1))
        assert seen.next_id == total + 1


def test_filter_first_then_the_newest(tmp_path: Path) -> None:
    channel = Channel(tmp_path / "a")
    for n in range(20):
        channel.append("app", "web.1", _lines(f"one{n}"))
        channel.append("app", "web.10", _lines(f"ten{n}"))
        channel.append("heroku", "router", _lines(f"router{n}"))
    assert _texts(channel.read(Wanted(dyno="web.1"), newest=2)) == ["one18", "one19"]
    assert _texts(channel.read(Wanted(dyno="web"), newest=3)) == ["ten18", "one19", "ten19"]
    assert _texts(channel.read(Wanted(source="heroku"), newest=1)) == ["router19"]
    assert _texts(channel.read(Wanted(source="heroku", dyno="web"))) == []
    assert _texts(channel.read(Wanted(dyno="we"))) == []
    assert channel.read(ALL, newest=0) == []


def test_after_an_id(tmp_path: Path) -> None:
    channel = Channel(tmp_path / "a")
    channel.append("app", "web.1", _lines("1", "2", "3"))
    channel.append("app", "web.1", _lines("4", "5"))
    assert _texts(channel.read(ALL, after=2)) == ["3", "4", "5"]
    assert _texts(channel.read(ALL, after=3)) == ["4", "5"]
    assert channel.read(ALL, after=5) == []
    assert _texts(channel.read(ALL, after=0)) == ["1", "2", "3", "4", "5"]


def test_any_torn_end_loses_the_whole_last_batch_and_its_cursor_together(tmp_path: Path) -> None:
    channel = Channel(tmp_path / "a")
    channel.append("app", "web.1", _lines("kept"), {"f.log": (10, b"", b"")})
    (segment,) = (tmp_path / "a").glob("*.seg")
    safe = segment.stat().st_size
    channel.append("app", "web.1", _lines("torn 1", "torn 2"), {"f.log": (30, b"part", b"")})
    whole = segment.read_bytes()
    for size in range(safe, len(whole)):
        segment.write_bytes(whole[:size])
        again = Channel(tmp_path / "a")
        assert again.cursors == {"f.log": (10, b"", b"")}
        assert _texts(again.read(ALL)) == ["kept"]
        again.append("app", "web.1", _lines("next"))
        assert _texts(Channel(tmp_path / "a").read(ALL)) == ["kept", "next"]
    segment.write_bytes(whole)
    assert Channel(tmp_path / "a").cursors == {"f.log": (30, b"part", b"")}


def test_a_segment_torn_in_its_checkpoint_is_dropped(tmp_path: Path) -> None:
    channel = Channel(tmp_path / "a")
    channel.append("app", "web.1", _lines(*map(str, range(500))), {"f.log": (7, b"", b"")})
    channel.append("app", "web.1", _lines("500"))
    first, second = sorted((tmp_path / "a").glob("*.seg"))
    second.write_bytes(second.read_bytes()[:9])
    again = Channel(tmp_path / "a")
    assert (again.next_id, again.cursors) == (501, {"f.log": (7, b"", b"")})
    assert list((tmp_path / "a").glob("*.seg")) == [first]


def test_cursors_outlive_the_segments_they_were_written_in(tmp_path: Path) -> None:
    channel = Channel(tmp_path / "a")
    channel.append("app", "web.1", _lines("x"), {"old.log": (5, b"a", b"b"), "gone.log": (6, b"", b"")})
    channel.forget("gone.log")
    for n in range(6):
        channel.append("app", "web.2", _lines(*(["y"] * 900)), {"new.log": (n, b"", b"")})
    assert Channel(tmp_path / "a").cursors == {"old.log": (5, b"a", b"b"), "new.log": (5, b"", b"")}


def test_disk_is_bounded(tmp_path: Path) -> None:
    channel = Channel(tmp_path / "a")
    long = "x" * 9_000
    for n in range(600):
        channel.append("app", "web.1", _lines(*([f"{n}{long}"] * 20)))
    used = sum(path.stat().st_size for path in (tmp_path / "a").iterdir())
    assert used < 1.2 * RING * 9_100
    assert len(_texts(channel.read(ALL))) == RING


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel(tmp_path / "a")
    channel.append("app", "web.1", _lines("before"))
    real, calls = os.write, 0

    def half(fd: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(28, "No space left on device")
        return real(fd, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        channel.append("app", "web.1", _lines("refused"), {"f.log": (1, b"", b"")})
    monkeypatch.undo()
    assert (channel.next_id, channel.cursors) == (2, {})
    channel.append("app", "web.1", _lines("after"))
    assert _texts(Channel(tmp_path / "a").read(ALL)) == ["before", "after"]


def test_lines_of_eight_days_ago_are_not_shown(tmp_path: Path) -> None:
    channel = Channel(tmp_path / "a")
    channel.append("app", "web.1", [log_line.line(time.time() - KEPT_SECONDS - 60, "app", "web.1", b"old")])
    channel.append("app", "web.1", _lines("new"))
    assert _texts(channel.read(ALL)) == ["new"]


async def _expire(channels: Channels, now: float) -> None:
    await channels.expire(now)


def test_expiry_keeps_cursors_of_files_and_else_removes_the_folder(tmp_path: Path) -> None:
    import asyncio

    channels = Channels(tmp_path)
    channels.get("a").append("app", "web.1", _lines("x", "y"), {"web.1.d.log": (9, b"", b"")})
    channels.get("b").append("app", "api", _lines("x"), {"events": (3, b"", b"")})
    asyncio.run(_expire(channels, time.time() + KEPT_SECONDS - 60))
    assert len(_texts(channels.get("a").read(ALL))) == 2
    asyncio.run(_expire(channels, time.time() + KEPT_SECONDS + 60))
    again = Channel(tmp_path / "a")
    assert (again.read(ALL), again.next_id, again.cursors) == ([], 3, {"web.1.d.log": (9, b"", b"")})
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("app_id", ["", "..", "a/b", "-", ".a", "a\n", "x" * 65, "é"])
def test_ids_that_are_no_file_names_are_refused(tmp_path: Path, app_id: str) -> None:
    with pytest.raises(ValueError, match="not an app id"):
        Channels(tmp_path).get(app_id)


def test_idle_channels_leave_memory_but_not_while_followed(tmp_path: Path) -> None:
    channels = Channels(tmp_path)
    tail = Tail(ALL)
    channels.get("a").append("app", "web.1", _lines("x"))
    channels.get("b").tails.add(tail)
    channels.close_idle(time.monotonic() + 61)
    assert (channels.is_open("a"), channels.is_open("b")) == (False, True)
    assert _texts(channels.get("a").read(ALL)) == ["x"]


def test_a_slow_tail_drops_counts_and_says_so() -> None:
    tail = Tail(ALL)
    line = log_line.line(0.0, "app", "web.1", b"x")
    for n in range(0, 3000, 100):
        tail.offer(Batch(n, "app", "web.1", [line] * 100))
    batches, overflow = tail.take()
    assert sum(len(batch.lines) for batch in batches) == 1_000
    assert overflow is not None
    assert (
        b"heroku[logplex]: Error L11 (Tail buffer overflow) -> This tail session dropped 2000 messages since"
        in (overflow)
    )
    tail.offer(Batch(5000, "app", "web.1", [line]))
    assert [batch.first for batch in tail.take()[0]] == [5000]
    assert tail.take() == ([], None)


def test_only_a_full_tail_that_took_something_lately_is_waited_for() -> None:
    tail = Tail(ALL)
    line = log_line.line(0.0, "app", "web.1", b"x")
    tail.offer(Batch(1, "app", "web.1", [line] * 999))
    assert not tail.crowded(10.0)
    tail.offer(Batch(1000, "app", "web.1", [line]))
    assert tail.crowded(10.0)
    assert not tail.crowded(0.0)
    time.sleep(0.02)
    assert not tail.crowded(0.01)
    tail.take()
    assert not tail.crowded(10.0)
