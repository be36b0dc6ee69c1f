"""Flags and arguments of a command: argv to values.

The grammar is that of Heroku's CLI: flags anywhere before `--`; `-a x`, `-ax`, `--app x`, `--app=x`. A command
that passes words on (run) keeps the flags it does not know, in their place. It is a page of ours because the start
of every command pays for its parser, and importing click takes longer than all else that most of them import.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from haibun.cli.errors import Misused


class Flag(NamedTuple):
    """`--name`, `-short`. `value`: name of its value in the help, None for a switch. `many`: may be repeated."""

    name: str
    help: str
    value: str | None = None
    short: str | None = None
    many: bool = False


class Parsed(NamedTuple):
    """What argv said: flag name -> its values (`[""]` for a switch), and the other words."""

    flags: dict[str, list[str]]
    words: list[str]


def parse(argv: Sequence[str], flags: Sequence[Flag], *, passes_on: bool = False) -> Parsed:
    """Misused if a flag is unknown (unless `passes_on`) or lacks its value."""
    by_name = {f"--{flag.name}": flag for flag in flags} | {f"-{flag.short}": flag for flag in flags if flag.short}
    found: dict[str, list[str]] = {}
    words: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return Parsed(found, words + rest)
        name, value = _split(word, by_name)
        flag = by_name.get(name)
        if flag is None:
            if len(word) > 1 and word.startswith("-") and not passes_on:
                raise Misused(f"Nonexistent flag: {word}\nSee more help with --help")
            words.append(word)
        elif flag.value is None:
            if value is not None:
                raise Misused(f"Flag {name} takes no value.")
            found[flag.name] = [""]
        else:
            if value is None:
                if not rest:
                    raise Misused(f"Flag {name} expects a value.")
                value = rest.pop(0)
            found[flag.name] = [*found.get(flag.name, []), value] if flag.many else [value]
    return Parsed(found, words)


def _split(word: str, by_name: dict[str, Flag]) -> tuple[str, str | None]:
    """`--app=x` -> (`--app`, `x`), `-ax` -> (`-a`, `x`), `--tail` -> (`--tail`, None)."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return (name, value) if equals and name in by_name else (word, None)
    flag = by_name.get(word[:2]) if word.startswith("-") and len(word) > 2 else None
    if flag and flag.value is not None:
        return word[:2], word[2:].removeprefix("=")
    return word, None


def check_words(words: Sequence[str], arguments: Sequence[str]) -> None:
    """Misused unless the words fill the arguments: `NAME` must be there, `[NAME]` may, `KEY...` may repeat."""
    needed = [argument for argument in arguments if not argument.startswith("[")]
    if len(words) < len(needed):
        missing = " ".join(needed[len(words) :])
        raise Misused(f"Missing {len(needed) - len(words)} required arg: {missing}\nSee more help with --help")
    if len(words) > len(arguments) and not any("..." in argument for argument in arguments):
        raise Misused(f"Unexpected argument: {words[len(arguments)]}\nSee more help with --help")
