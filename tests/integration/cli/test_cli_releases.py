"""Releases and rollback."""

from __future__ import annotations

import json

from cli_platform import Platform
from cli_user import Cli


def test_releases_show_the_newest_first_with_what_failed(cli: Cli, platform: Platform) -> None:
    platform.add_release("demo", "Deploy 9f1c2ab3", status="failed")
    platform.add_release("demo", "Deploy 582fc95b")
    lines = cli.ok("releases", "-a", "demo").splitlines()
    assert lines[0] == "=== demo Releases - Current: v3"
    assert lines[2].split() == ["v", "description", "user", "created_at"]
    assert [line.split("   ")[0].strip() for line in lines[4:7]] == ["v3", "v2", "v1"]
    assert "Deploy 9f1c2ab3 release command failed   me@example.com" in lines[5]
    assert [
        release["version"] for release in json.loads(cli.ok("releases", "-n", "2", "--json", "-a", "demo"))
    ] == [3, 2]


def test_info_of_a_release_with_its_config(cli: Cli, platform: Platform) -> None:
    platform.config["demo"] = {"A": "1"}
    platform.add_release("demo", "Deploy 9f1c2ab3", addon_plan_names=["haibun-postgresql:essential-0"])
    assert cli.ok("releases:info", "v2", "-a", "demo") == (
        "=== Release v2\n\nAdd-ons:                haibun-postgresql:essential-0\n"
        "By:                     me@example.com\n"
        "Change:                 Deploy 9f1c2ab3\nEligible for Rollback?: Yes\n"
        "When:                   2026-01-02T03:04:05Z\n\n=== v2 Config vars\n\nA: 1\n"
    )
    missing = cli("releases:info", "v9", "-a", "demo")
    assert missing.returncode == 2
    assert "Error ID: not_found" in missing.stderr


def test_rollback_takes_the_last_good_one(cli: Cli, platform: Platform) -> None:
    good = platform.add_release("demo", "Deploy 1")
    platform.add_release("demo", "Deploy 2", status="failed")
    platform.add_release("demo", "Deploy 3")
    done = cli("rollback", "-a", "demo")
    assert done.stderr.startswith("Rolling back demo to v2... done, v5\n")
    assert done.stderr.endswith(" ›   Warning: To undo, run: haibun rollback v4\n")
    assert ("POST", "/apps/demo/releases", {"release": good["id"]}) in platform.requests


def test_rollback_without_a_candidate(cli: Cli) -> None:
    done = cli("rollback", "-a", "demo")
    assert done.returncode == 1
    assert "No eligible release found for demo to roll back to." in done.stderr


def test_release_output_is_streamed_as_it_is(cli: Cli, platform: Platform) -> None:
    platform.add_release("demo", "Deploy 1", output_stream_url=f"{platform.url}/stream/output")
    platform.log_connections.append([b"migrating\n", b"50 %\r100 %\n"])
    assert cli.ok("releases:output", "-a", "demo") == "migrating\n50 %\n100 %\n"
    assert "not started yet" in cli("releases:output", "v2", "-a", "demo").stderr
    assert "no release output available" in cli("releases:output", "v1", "-a", "demo").stderr
