"""Flags and arguments: argv to values."""

from __future__ import annotations

import pytest

from haibun.cli.errors import CliError, Misused
from haibun.cli.flags import Flag, check_words, parse
from haibun.cli.ps_formation import scale_update
from haibun.cli.run import command_line

FLAGS = (Flag("app", "", "APP", "a"), Flag("tail", "", None, "t"), Flag("env", "", "ENV", "e", many=True))


@pytest.mark.parametrize(
    "words", [["-a", "x"], ["-ax"], ["-a=x"], ["--app", "x"], ["--app=x"], ["-a", "y", "-a", "x"]]
)
def test_a_value_in_every_spelling(words: list[str]) -> None:
    assert parse(words, FLAGS) == ({"app": ["x"]}, [])


def test_flags_anywhere_and_repeated() -> None:
    flags, words = parse(["one", "-e", "A=1", "-t", "two", "--env=B=2", "--", "-a", "x"], FLAGS)
    assert flags == {"env": ["A=1", "B=2"], "tail": [""]}
    assert words == ["one", "two", "-a", "x"]


def test_what_is_passed_on_keeps_its_order() -> None:
    words = ["rake", "-T", "--trace", "-a", "x", "-", "--x=y", "--", "-a", "--", "z"]
    assert parse(words, FLAGS, passes_on=True) == (
        {"app": ["x"]},
        ["rake", "-T", "--trace", "-", "--x=y", "-a", "--", "z"],
    )


@pytest.mark.parametrize("words", [["--nope"], ["-z"], ["-a"], ["--tail=1"], ["--apps", "x"]])
def test_misuse(words: list[str]) -> None:
    with pytest.raises(Misused):
        parse(words, FLAGS)


@pytest.mark.parametrize(
    ("words", "arguments", "fits"),
    [
        ([], (), True),
        (["x"], (), False),
        ([], ("NAME",), False),
        (["x"], ("NAME",), True),
        ([], ("[NAME]",), True),
        (["x", "y"], ("[NAME]",), False),
        (["x", "y", "z"], ("KEY...",), True),
        ([], ("KEY...",), False),
    ],
)
def test_numbers_of_arguments(words: list[str], arguments: tuple[str, ...], fits: bool) -> None:
    if fits:
        check_words(words, arguments)
    else:
        with pytest.raises(Misused):
            check_words(words, arguments)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["bash"], "bash"),
        (["echo $HOME && ls"], "echo $HOME && ls"),
        (["python", "-c", "print('a b')"], "python -c \"print('a b')\""),
        (["echo", 'say "x"'], 'echo "say \\"x\\""'),
    ],
)
def test_the_line_that_the_dyno_gets(words: list[str], line: str) -> None:
    assert command_line(words) == line


@pytest.mark.parametrize(
    ("word", "update"),
    [
        ("web=2", {"type": "web", "quantity": "2"}),
        ("web+1", {"type": "web", "quantity": "+1"}),
        ("my-worker-1", {"type": "my-worker", "quantity": "-1"}),
        ("web=2:Standard-2X", {"type": "web", "quantity": "2", "size": "Standard-2X"}),
    ],
)
def test_scaling(word: str, update: dict[str, str]) -> None:
    assert scale_update(word) == update


@pytest.mark.parametrize("word", ["web", "web=", "web=x", "web=1:", "=1", "web=1:a b"])
def test_scaling_misused(word: str) -> None:
    with pytest.raises(CliError):
        scale_update(word)
