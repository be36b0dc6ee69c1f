"""`.env` line by line, as Heroku's CLI takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from haibun.cli import local_env
from haibun.cli.errors import CliError


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\nA=3\n", {"A": "3", "B": "2"}),
        ("  A = 1  ", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("exported=1", {"exported": "1"}),
        ("# A=1\n   # B=2\nC=3", {"C": "3"}),
        ("A=1 # why", {"A": "1"}),
        ("A=a#b", {"A": "a"}),
        ("A='a#b' # why", {"A": "a#b"}),
        ('A="two words"', {"A": "two words"}),
        ("A='say \"hi\"'", {"A": 'say "hi"'}),
        ('A="no\\nescapes \\$ here"', {"A": "no\\nescapes \\$ here"}),
        ('A="$HOME"', {"A": "$HOME"}),
        ("A=postgres://u:p@h/db?x=1&y=2", {"A": "postgres://u:p@h/db?x=1&y=2"}),
        ("A=it's", {"A": "it's"}),
        ("A=\nB=''", {"A": "", "B": ""}),
        ("A=1\r\nB='2'\r\n", {"A": "1", "B": "2"}),
        ('A="one\ntwo"\nB=3', {"A": "one\ntwo", "B": "3"}),
        ("A='it'\"'\"'s'", {"A": "it's"}),
        ("no assignment\nA=1", {"A": "1"}),
        ("my.key-2=1", {"my.key-2": "1"}),
    ],
)
def test_lines(text: str, values: dict[str, str]) -> None:
    assert local_env.from_lines(text) == values


def test_an_open_quote_is_told_with_its_line() -> None:
    with pytest.raises(ValueError, match="line 2"):
        local_env.from_lines("A=1\nB='open\n")


def test_json_is_flattened_as_the_stock_cli_does() -> None:
    found = local_env.from_json('{"a": {"b": "x", "c": [1, true]}, "TOP": "y", "low": "z"}')
    assert found == {"A_B": "x", "A_C_0": "1", "A_C_1": "true", "TOP": "y", "LOW": "z", "low": "z"}
    assert local_env.from_json("[1]") is None


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "env"
    assert local_env.read(str(file)) is None
    file.write_bytes(b"\xef\xbb\xbfA=\xff\n")
    assert local_env.read(str(file)) == ({"A": "\udcff"}, "KEY=VALUE")
    file.write_text('{"A": "1"}')
    assert local_env.read(str(file)) == ({"A": "1"}, "JSON")
    file.write_text("A='")
    with pytest.raises(CliError, match="line 1"):
        local_env.read(str(file))
    file.write_text('{"A": "\\u0000"}')
    with pytest.raises(CliError, match="NUL"):
        local_env.read(str(file))
