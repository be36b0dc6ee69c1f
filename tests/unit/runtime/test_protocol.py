"""The runtime's socket against peers who do not keep to the protocol."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from haibun.core.errors import Final, Temporary
from haibun.runtime import protocol as p
from haibun.runtime.fake import FakeDriver
from haibun.runtime.server import RuntimeServer

BAD = [
    b"\n",
    b"nonsense\n",
    b"[]\n",
    b'"start"\n',
    b'{"type":"exec","id":3,"command":"reboot"}\n',
    b'{"type":"start","id":4}\n',
    b'{"type":"start","id":5,"spec":{"id":"x"}}\n',
    b'{"type":"remove","id":6,"dyno_id":7}\n',
    b'{"type":"remove","id":7,"dyno_id":"x","path":"/etc"}\n',
    b'{"type":"remove","id":"8","dyno_id":"x"}\n',
    b'{"type":"stop","id":9,"dyno_id":"../..","grace_seconds":1}\n',
    b'{"type":"attach","id":10,"dyno_id":"x"}\n',
    b"[" * 5000 + b"\n",
    b"\xff\xfe\n",
]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_gets_an_error_and_the_next_is_answered(tmp_path: Path, line: bytes) -> None:
    async def story() -> None:
        async with RuntimeServer(FakeDriver(), tmp_path / "s"):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            writer.write(line + b'{"type":"list","id":99}\n')
            bad, good = json.loads(await reader.readline()), json.loads(await reader.readline())
            assert bad["error"]["kind"] == "final"
            assert bad["error"]["message"]
            assert (good["id"], good["result"]) == (99, [])
            writer.close()

    asyncio.run(story())


def test_a_line_without_end_ends_only_its_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p, "LINE_BYTES", 1000)

    async def story() -> None:
        async with RuntimeServer(FakeDriver(), tmp_path / "s"):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            writer.write(b"x" * 5000)
            answer = json.loads(await reader.readline())
            assert answer["error"]["code"] == "invalid"
            assert await reader.read() == b""
            writer.close()
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            writer.write(b'{"type":"list","id":1}\n')
            assert json.loads(await reader.readline())["result"] == []
            writer.close()

    asyncio.run(story())


def test_errors_survive_the_way() -> None:
    kinds = (Final("R99", "no"), Temporary("later", after_seconds=7))
    for error in kinds:
        answer = p.decode_answer(p.failure(3, error))
        assert answer.error
        back = p.raised(answer.error)
        assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


def test_an_unknown_error_says_nothing_of_our_insides() -> None:
    answer = p.decode_answer(p.failure(3, RuntimeError("/secret/path")))
    assert answer.error
    assert answer.error.kind == "temporary"
    assert "/secret" not in answer.error.message
