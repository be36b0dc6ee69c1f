"""What a person sees: tables, boxes, times, sizes, colours of log lines."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from haibun.cli.log_colours import coloured
from haibun.cli.screen import boxed
from haibun.cli.tables import layout
from haibun.cli.times import shown, size

NOW = datetime(2026, 11, 23, 16, 25, 30, tzinfo=UTC)


def test_a_table_is_herokus() -> None:
    rows = [("eu", "Europe", "Common Runtime"), ("us", "United States", "Common Runtime")]
    assert layout(("ID", "Location", "Runtime"), rows, None) == [
        "  ID   Location        Runtime",
        " " + "─" * 37,
        "  eu   Europe          Common Runtime",
        "  us   United States   Common Runtime",
    ]


def test_a_table_fits_the_terminal_by_cutting_the_columns_that_may_be() -> None:
    rows = [("v12", "a description that is far too long for this", "me@example.com")]
    lines = layout(("v", "description", "user"), rows, 50, shrink=(1,))
    assert all(len(line) <= 50 for line in lines)
    assert lines[2].startswith("  v12   a description that i")
    assert lines[2].endswith("…   me@example.com")
    assert layout(("v", "description", "user"), rows, None, shrink=(1,))[2].count("…") == 0


def test_wide_and_control_characters_keep_the_columns() -> None:
    lines = layout(("a", "b"), [("東京", "x"), ("é", "y"), ("1\n2", None)], None)
    assert lines[2:] == ["  東京   x", "  é      y", "  1 2"]


def test_errors_are_wrapped_behind_the_mark() -> None:
    text = "Warning: Rollback affects code and config vars; it doesn't add or remove addons."
    assert boxed(text) == (
        " ›   Warning: Rollback affects code and config vars; it doesn't add or remove\n ›   addons."
    )
    assert boxed("Error: a\n\n  Usage: b") == " ›   Error: a\n ›\n ›     Usage: b"
    assert boxed("x" * 200) == " ›   " + "x" * 200


@pytest.mark.parametrize(
    ("moment", "age"),
    [
        ("2026-11-23T16:25:20Z", " (~ 10s ago)"),
        ("2026-11-23T16:19:10Z", " (~ 6m ago)"),
        ("2026-11-23T13:19:10Z", " (~ 3h ago)"),
        ("2026-11-21T13:19:10Z", ""),
        ("2026-11-23T16:25:40Z", " (~ 0s ago)"),
    ],
)
def test_times_are_local_with_their_age(monkeypatch: pytest.MonkeyPatch, moment: str, age: str) -> None:
    local = datetime.fromisoformat(moment).astimezone().strftime("%Y/%m/%d %H:%M:%S %z")
    assert shown(moment, NOW) == local + age


def test_no_time_is_empty() -> None:
    assert shown(None, NOW) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, None), (0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (27_000_000, "27 MB"), (585_123_000, "585 MB")],
)
def test_sizes(count: int | None, text: str | None) -> None:
    assert size(count) == text


def test_log_lines_keep_their_text_under_the_colours() -> None:
    import re

    for line in (
        "2026-09-26T10:00:00.000000+00:00 heroku[web.1]: State changed from starting to up",
        '2026-09-26T10:00:02.000000+00:00 heroku[router]: at=info method=GET path="/ x=y" status=200',
        '2026-09-26T10:00:02.000000+00:00 heroku[router]: at=error code=H12 desc="Request timeout" status=503',
        "2026-09-26T10:00:02.000000+00:00 app[worker.12]: [x]: y",
        "no log line",
        "",
    ):
        assert re.sub(r"\x1b\[\d+m", "", coloured(line)) == line
    assert coloured("t heroku[web.1]: State changed from starting to up").endswith("\x1b[32mup\x1b[0m")
    assert coloured("no log line") == "no log line"
