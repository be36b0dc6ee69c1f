"""Platform events become lines once, whatever is asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from haibun.logplex.channels import Channels
from haibun.logplex.events import Event, keep
from haibun.logplex.tail import Wanted

WHEN = datetime.now(UTC).replace(microsecond=5)


def _all(channels: Channels, app_id: str) -> list[str]:
    return [line.decode() for batch in channels.get(app_id).read(Wanted()) for line in batch.lines]


def test_lines_in_heroku_form(tmp_path: Path) -> None:
    channels = Channels(tmp_path)
    here = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    events: list[Event] = [
        (1, "a", here, "heroku", "web.1", "State changed from starting to up"),
        (2, "a", WHEN.timestamp(), "app", "api", "Release v3 created by user me@example.com\nand\rmore"),
        (3, "b", WHEN, "app", "api", ""),
    ]
    assert keep(events, channels) == 3
    time = WHEN.isoformat(timespec="microseconds")
    assert time.endswith("+00:00")
    assert _all(channels, "a") == [
        f"{time} heroku[web.1]: State changed from starting to up",
        f"{time} app[api]: Release v3 created by user me@example.com",
        f"{time} app[api]: and more",
    ]
    assert _all(channels, "b") == [f"{time} app[api]: "]


def test_taken_again_after_a_crash_is_not_said_again(tmp_path: Path) -> None:
    events: list[Event] = [(n, "a" if n % 3 else "b", WHEN, "app", "api", str(n)) for n in range(1, 30)]
    for upto in (5, 5, 12, 29, 29):
        keep(events[:upto], Channels(tmp_path))  # a new process each time; the rows were never forgotten
    texts = [line.rsplit(" ", 1)[1] for line in _all(Channels(tmp_path), "a")]
    assert texts == [str(n) for n in range(1, 30) if n % 3]


def test_an_id_that_is_no_app_does_not_stop_the_others(tmp_path: Path) -> None:
    channels = Channels(tmp_path)
    assert keep([(1, "../x", WHEN, "app", "api", "no"), (2, "a", WHEN, "app", "api", "yes")], channels) == 2
    assert len(_all(channels, "a")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
