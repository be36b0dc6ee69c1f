"""The table of commands agrees with the topics, and starting stays light."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module, metadata

import pytest

from haibun.cli.command import HELP, Command
from haibun.cli.commands import ALIASES, COMMANDS, PLATFORM, TOPICS
from haibun.client.version import VERSION

OWN = sorted(name for name, entry in COMMANDS.items() if entry[0] is not None)


@pytest.mark.parametrize("name", OWN)
def test_every_entry_is_a_command_with_distinct_flags(name: str) -> None:
    module, function, summary = COMMANDS[name]
    command = getattr(import_module(f"haibun.cli.{module}"), function)
    assert isinstance(command, Command)
    assert summary
    names = [flag.name for flag in (*command.flags, HELP)]
    shorts = [flag.short for flag in (*command.flags, HELP) if flag.short]
    assert len(set(names)) == len(names)
    assert len(set(shorts)) == len(shorts)


def test_aliases_and_topics_point_somewhere() -> None:
    assert set(ALIASES.values()) <= set(COMMANDS)
    assert not set(ALIASES) & set(COMMANDS)
    assert {name.partition(":")[0] for name in OWN} == set(TOPICS)
    assert set(COMMANDS) - set(OWN) == set(PLATFORM)


@pytest.mark.parametrize("name", OWN)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from haibun.cli.main import main

    assert main(["help", name]) == 0
    assert f"$ haibun {name}" in capsys.readouterr().out


def test_the_version_is_the_packages() -> None:
    assert metadata.version("haibun") == VERSION


@pytest.mark.parametrize("words", [["version"], ["git:credentials", "get"]])
def test_the_quick_ways_import_little(words: list[str], tmp_path: object) -> None:
    code = (
        "import sys; before = set(sys.modules); from haibun.cli.main import main; "
        f"main({words!r}); sys.stderr.write(' '.join(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="protocol=https\nhost=x\n\n",
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"http.client", "ssl", "subprocess", "socket", "click", "urllib3", "inspect", "typing", "dataclasses"}
    assert not heavy & set(done.stderr.split())
