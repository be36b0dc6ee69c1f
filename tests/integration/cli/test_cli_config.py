"""Config vars: shown, set, unset, edited."""

from __future__ import annotations

import json

from cli_platform import Platform
from cli_user import Cli


def test_set_many_at_once_makes_one_release(cli: Cli, platform: Platform) -> None:
    done = cli("config:set", "MY_VAR=hello", "OTHER=a=b c", "-a", "demo")
    assert done.stderr == "Setting MY_VAR, OTHER and restarting demo... done, v2\n"
    assert done.stdout == "MY_VAR: hello\nOTHER:  a=b c\n"
    assert platform.config["demo"] == {"MY_VAR": "hello", "OTHER": "a=b c"}
    assert cli.ok("config", "-a", "demo") == "=== demo Config Vars\n\nMY_VAR: hello\nOTHER:  a=b c\n"
    assert cli.ok("config", "-s", "-a", "demo") == "MY_VAR=hello\nOTHER='a=b c'\n"
    assert json.loads(cli.ok("config", "--json", "-a", "demo")) == platform.config["demo"]


def test_get_and_unset(cli: Cli, platform: Platform) -> None:
    platform.config["demo"] = {"A": "1", "B": "2", "C": "3"}
    assert cli.ok("config:get", "A", "-a", "demo") == "1\n"
    assert cli.ok("config:get", "NONE", "-a", "demo") == "\n"
    assert cli("config:unset", "A", "B", "-a", "demo").stderr == "Unsetting A, B and restarting demo... done, v2\n"
    assert platform.config["demo"] == {"C": "3"}


def test_what_is_no_pair_changes_nothing(cli: Cli, platform: Platform) -> None:
    done = cli("config:set", "GOOD=1", "NOEQ", "-a", "demo")
    assert done.returncode == 1
    assert done.stderr == " ›   Error: NOEQ is invalid. Must be in the format FOO=bar.\n"
    assert platform.config["demo"] == {}
    assert cli("config:set", "-a", "demo").stderr.startswith(" ›   Error: Usage: haibun config:set KEY1=VALUE1")


def test_edit_sends_what_changed(cli: Cli, platform: Platform) -> None:
    platform.config["demo"] = {"DROP": "x", "KEEP": "it's\nso", "CHANGE": "old"}
    edits = "/^DROP/d; s/^CHANGE=old/CHANGE='new value'/; $aADDED=1"
    done = cli("config:edit", "-a", "demo", input="y\n", EDITOR=f'sed -i "{edits}"')
    assert done.returncode == 0, done.stderr
    assert (
        "PATCH",
        "/apps/demo/config-vars",
        {"CHANGE": "new value", "ADDED": "1", "DROP": None},
    ) in platform.requests
    assert platform.config["demo"] == {"KEEP": "it's\nso", "CHANGE": "new value", "ADDED": "1"}


def test_edit_asks_first(cli: Cli, platform: Platform) -> None:
    platform.config["demo"] = {"A": "1"}
    assert cli("config:edit", "-a", "demo", input="n\n", EDITOR="sed -i s/1/2/").returncode == 1
    assert platform.config["demo"] == {"A": "1"}
    assert "No changes." in cli("config:edit", "-a", "demo", EDITOR="true").stderr
