"""The file that config:edit shows: any value comes back as it was."""

from __future__ import annotations

import pytest

from haibun.cli.config_edit import difference, read, write
from haibun.cli.errors import CliError


def test_values_of_every_kind_come_back() -> None:
    config = {"A": "", "B": "it's", "C": "two\nlines # no comment", "D": "a=b", "E": '"$x`\\', "F": "é"}
    assert read(write(config)) == config


def test_comments_and_empty_lines_are_nothing() -> None:
    assert read("# a comment\n\nA=1\n  B='2 3'  # why\n") == {"A": "1", "B": "2 3"}


@pytest.mark.parametrize("text", ["A", "=1", "A='open"])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(CliError, match="Nothing was changed"):
        read(text)


def test_only_what_changed_is_sent() -> None:
    assert difference({"A": "1", "B": "2", "C": "3"}, {"A": "1", "B": "x", "D": ""}) == {
        "B": "x",
        "D": "",
        "C": None,
    }
