"""Dynos: listed, scaled, restarted, stopped, waited for."""

from __future__ import annotations

import json
import threading
import time

import pytest
from cli_platform import Platform
from cli_user import Cli


def test_ps_groups_by_command_and_sorts_by_number(cli: Cli, platform: Platform) -> None:
    for name, command in (("web.10", "serve"), ("worker.1", "work"), ("web.2", "serve"), ("run.1662", "bash")):
        platform.add_dyno("demo", name, command)
    since = "2026/01/02 03:04:05 +0000"
    text = cli.ok("ps", "-a", "demo")
    lines = [line.replace(since, "T").split(" (~")[0] for line in text.splitlines()]
    assert [line for line in lines if line] == [
        "=== run: one-off processes (1)",
        "run.1662 (Basic): up T: bash" if "(~" not in text else "run.1662 (Basic): up T",
        "=== web (Basic): serve (2)",
        "web.2: up T",
        "web.10: up T",
        "=== worker (Basic): work (1)",
        "worker.1: up T",
    ]
    assert [dyno["name"] for dyno in json.loads(cli.ok("ps", "web", "--json", "-a", "demo"))] == [
        "web.2",
        "web.10",
    ]


def test_ps_of_nothing(cli: Cli) -> None:
    assert cli.ok("ps", "-a", "demo") == "No dynos on demo\n"
    assert "No foo dynos on demo" in cli("ps", "foo", "-a", "demo").stderr


def test_scale_sends_strings_and_says_what_runs(cli: Cli, platform: Platform) -> None:
    assert cli.ok("ps:scale", "-a", "demo") == "web=1:Basic worker=0:Basic\n"
    done = cli("scale", "web=2:standard-1x", "worker+3", "-a", "demo")
    assert done.stderr == "Scaling dynos... done, now running web at 2:Standard-1X, worker at 3:Basic\n"
    updates = [{"type": "web", "quantity": "2", "size": "standard-1x"}, {"type": "worker", "quantity": "+3"}]
    assert ("PATCH", "/apps/demo/formation", {"updates": updates}) in platform.requests


def test_scale_refuses_what_it_does_not_understand(cli: Cli, platform: Platform) -> None:
    done = cli("ps:scale", "web=2", "bogus", "-a", "demo")
    assert done.returncode == 1
    assert "bogus is invalid" in done.stderr
    assert platform.formation["demo"][0]["quantity"] == 1
    unknown = cli("ps:scale", "nosuch=1", "-a", "demo")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("Scaling dynos... !\n ›   Error: Couldn't find that process type (nosuch).\n")


def test_type_changes_sizes(cli: Cli, platform: Platform) -> None:
    done = cli("ps:type", "web=standard-2x", "-a", "demo")
    assert done.stderr == "Scaling dynos on demo... done\n"
    assert "  web      Standard-2X   1\n" in done.stdout
    assert done.stdout.endswith("  Standard-2X   1\n  Basic         0\n\n")


@pytest.mark.parametrize(
    ("words", "request_line", "said"),
    [
        (["ps:restart"], ("DELETE", "/apps/demo/dynos"), "Restarting all dynos on demo... done\n"),
        (
            ["restart", "-d", "web.1"],
            ("DELETE", "/apps/demo/dynos/web.1"),
            "Restarting dyno web.1 on demo... done\n",
        ),
        (
            ["restart", "web"],
            ("DELETE", "/apps/demo/formations/web"),
            "Restarting all web dynos on demo... done\n",
        ),
        (
            ["ps:stop", "run.1662"],
            ("POST", "/apps/demo/dynos/run.1662/actions/stop"),
            "Stopping dyno run.1662 on demo... done\n",
        ),
        (
            ["ps:stop", "-p", "run"],
            ("POST", "/apps/demo/formations/run/actions/stop"),
            "Stopping all run dynos on demo... done\n",
        ),
    ],
)
def test_restart_and_stop(
    cli: Cli, platform: Platform, words: list[str], request_line: tuple[str, str], said: str
) -> None:
    assert cli(*words, "-a", "demo").stderr == said
    assert platform.requests[-1][:2] == request_line


def test_wait_ends_when_every_dyno_runs_the_newest_release(cli: Cli, platform: Platform) -> None:
    dyno = platform.add_dyno("demo", "web.1", "serve", state="starting")

    def come_up() -> None:
        time.sleep(0.5)
        dyno["state"] = "up"

    threading.Thread(target=come_up).start()
    done = cli("ps:wait", "-w", "1", "-a", "demo")
    assert dyno["state"] == "up"
    assert done.stderr.splitlines() == [
        "Waiting for every dyno to be running v1... 0 / 1",
        "Waiting for every dyno to be running v1... done, 1 / 1",
    ]
