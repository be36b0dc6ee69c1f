"""The builder's Procfile parser: Heroku's classic grammar, and no other than the platform's own."""

import pytest
from engine import processes
from hypothesis import given
from hypothesis import strategies as st

from haibun.core import procfile


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("web: gunicorn app:app\nworker: python w.py\n", {"web": "gunicorn app:app", "worker": "python w.py"}),
        ("web:x", {"web": "x"}),
        ("web: a\r\nclock: b\r\n", {"web": "a", "clock": "b"}),
        ("\ufeffweb: a", {"web": "a"}),
        ("# comment\n\n", {}),
        ("web: a\nb: c\nweb: d", {"b": "c", "web": "d"}),
        (" web: a", {}),
        ("web:", {}),
        ("my-web_2: $HOME/x && y: z", {"my-web_2": "$HOME/x && y: z"}),
    ],
)
def test_types(text: str, types: dict[str, str]) -> None:
    assert list(processes.parse(text)[0].items()) == list(types.items())


def test_lines_that_say_nothing_are_told() -> None:
    assert processes.parse("web: a\nweb b\n  # c\n web: x\n")[1] == ["web b", " web: x"]


@given(st.text("ab:-_ \t\r\n#1."))
def test_agrees_with_the_platform(text: str) -> None:
    assert list(processes.parse(text)[0].items()) == list(procfile.parse(text).items())


def test_defaults_do_not_repeat_what_is_declared(capsys: pytest.CaptureFixture[str]) -> None:
    processes.announce({"web": "a", "worker": "b"}, {"web": "c", "console": "d"})
    assert capsys.readouterr().out == (
        "-----> Discovering process types\n"
        "       Procfile declares types -> web, worker\n"
        "       Default types for buildpack -> console\n"
        "\n"
    )
