"""What comes in and what becomes of it: crashes, growth, removal. Real processes, real kill -9."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from haibun.logplex.channel import Channel
from haibun.logplex.tail import Wanted

from .conftest import APP, TIME, Logplex, until

WRITER = """
import sys, time
path, count, head, pause = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode(), float(sys.argv[4])
with open(path, "ab", buffering=0) as file:
    for n in range(count):
        text = b"line %06d" % n
        if n % 7 == 3:  # a line in three records
            file.write(head + b" stdout P " + text[:4] + b"\\n" + head + b" stdout P " + text[4:9] + b"\\n")
            text = text[9:]
        file.write(head + b" stdout F " + text + b"\\n")
        if n % 40 == 0:
            time.sleep(pause)
"""


def _lines_on_disk(logplex: Logplex) -> list[tuple[int, str]]:
    batches = Channel(logplex.layout.logplex / APP).read(Wanted())
    return [
        (batch.first + place, line.decode().split(": ", 1)[1])
        for batch in batches
        for place, line in enumerate(batch.lines)
    ]


def test_killed_again_and_again_while_two_dynos_write_every_line_is_there_once(logplex: Logplex) -> None:
    count, seen = 12_000, {}
    names = ("web.1.d1.log", "web.2.d2.log")
    arguments = [str(count), TIME.decode(), "0.015"]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(logplex.app_output / name), *arguments])
        for name in names
    ]
    events = (logplex.folder / "events").open("a", buffering=1)
    try:
        rounds, dice = 0, random.Random(5)
        while any(writer.poll() is None for writer in writers):
            time.sleep(0.05 + dice.random() * 0.1)
            rounds += 1
            events.write(json.dumps([rounds, APP, time.time(), "heroku", "web.1", f"event {rounds}"]) + "\n")
            time.sleep(dice.random() * 0.02)
            logplex.stop()
            for number, text in _lines_on_disk(logplex):
                assert seen.setdefault(number, text) == text  # an id is never given twice
            logplex.start()
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert rounds >= 3
    time.sleep(0.5)
    logplex.stop()
    last = _lines_on_disk(logplex)
    assert len(last) == 1_500
    assert [number for number, _ in last] == list(range(last[0][0], last[0][0] + 1_500))
    assert last[-1][0] == 2 * count + rounds  # every line got one id, no line two
    seen.update(last)
    texts = [text for _, text in sorted(seen.items())]
    said = [text for text in texts if text.startswith("event")]
    assert len(said) == len(set(said))
    for n in range(count - 300, count):
        assert texts.count(f"line {n:06d}") == 2


def test_each_line_once_over_kills_as_a_tail_sees_it(logplex: Logplex) -> None:
    count, found, last = 3_000, [], "0"
    path = str(logplex.app_output / "web.1.d1.log")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path, str(count), TIME.decode(), "0.08"])
    try:
        while len(found) < count:
            reader = logplex.session(tail=True, headers={"Last-Event-ID": last})
            for event_id, line in reader.events(min(700, count - len(found))):
                found.append(line.split(": ", 1)[1])
                last = event_id or last
            reader.close()
            logplex.stop()
            logplex.start()
    finally:
        writer.kill()
        writer.wait()
    assert found == [f"line {n:06d}" for n in range(count)]


def test_events_of_the_platform(logplex: Logplex) -> None:
    event = [1, APP, time.time(), "app", "api", "Release v3 created by user me@example.com"]
    (logplex.folder / "events").write_text(json.dumps(event) + "\n")
    until(lambda: logplex.texts() == ["Release v3 created by user me@example.com"])
    until(lambda: (logplex.folder / "forgotten").read_text() == "1")
    (logplex.folder / "forgotten").unlink()  # as if it had been killed between the two
    logplex.stop()
    logplex.start()
    until(lambda: (logplex.folder / "forgotten").exists())
    assert len(logplex.lines()) == 1
    assert "app[api]: Release" in logplex.lines()[0]


def test_a_file_is_removed_when_its_dyno_is_gone_and_all_of_it_was_read(logplex: Logplex) -> None:
    logplex.write("web.1.d1.log", "one")
    logplex.write("web.2.d2.log", "other")
    until(lambda: len(logplex.lines()) == 2)
    with (logplex.app_output / "web.1.d1.log").open("ab") as file:
        file.write(TIME + b" stdout P left ov" + b"\n" + TIME + b" stdout P er\n" + TIME + b" stderr F torn")
    (logplex.folder / "gone" / "d1").touch()
    until(lambda: not (logplex.app_output / "web.1.d1.log").exists())
    assert (logplex.app_output / "web.2.d2.log").exists()
    until(lambda: len(logplex.lines()) == 4)
    assert sorted(logplex.texts()) == ["left over", "one", "other", "torn"]
    logplex.stop()
    assert list(Channel(logplex.layout.logplex / APP).cursors) == ["web.2.d2.log"]


def test_what_was_read_of_a_chatty_file_is_given_back(logplex: Logplex) -> None:
    path = logplex.app_output / "web.1.d1.log"
    part = (TIME + b" stdout F " + b"x" * 100 + b"\n") * 20_000
    with path.open("ab") as file:
        for _ in range(12):
            file.write(part)
    logplex.write(path.name, "end")
    until(lambda: logplex.texts(lines=1) == ["end"])
    size = path.stat().st_size
    assert size > 30_000_000
    until(lambda: path.stat().st_blocks * 512 < 6_000_000)
    logplex.stop()
    logplex.start()
    logplex.write(path.name, "more")
    until(lambda: logplex.texts(lines=2) == ["end", "more"])
    assert path.stat().st_size > size


def test_a_folder_that_comes_late_and_one_that_goes(logplex: Logplex) -> None:
    other = logplex.layout.output / "another-app"
    other.mkdir()
    (other / "web.1.d9.log").write_bytes(TIME + b" stdout F hi\n")
    until(lambda: logplex.texts(app="another-app") == ["hi"])
    (other / "web.1.d9.log").unlink()
    other.rmdir()
    logplex.write("web.1.d1.log", "still here")
    until(lambda: logplex.texts() == ["still here"])


def test_links_are_not_followed(logplex: Logplex, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(TIME + b" stdout F secret\n")
    os.symlink(secret, logplex.app_output / "web.1.d1.log")
    logplex.write("web.1.d2.log", "fine")
    until(lambda: logplex.texts() == ["fine"])
    time.sleep(0.2)
    assert logplex.texts() == ["fine"]
