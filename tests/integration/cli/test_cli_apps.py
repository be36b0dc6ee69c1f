"""Making, seeing, renaming and destroying apps, and the git remotes that go along."""

from __future__ import annotations

import json

from cli_platform import Platform
from cli_user import Cli


def test_create_says_where_the_app_is_and_wires_the_repository(cli: Cli, platform: Platform) -> None:
    cli.git("init", "-q")
    done = cli("create", "my-app", "--region", "us")
    assert done.stderr == "Creating my-app... done, region is us\n"
    assert done.stdout == "https://my-app.example.com/ | https://localhost:5643/my-app.git\n"
    assert cli.git("remote", "get-url", "haibun") == "https://localhost:5643/my-app.git\n"
    assert ("POST", "/apps", {"name": "my-app", "region": "us"}) in platform.requests


def test_create_lets_the_platform_choose_a_name_and_sets_a_buildpack(cli: Cli, platform: Platform) -> None:
    done = cli("create", "--buildpack", "heroku/python")
    assert done.stderr == ("Creating app... done, quiet-moon-12345\nSetting buildpack to heroku/python... done\n")
    assert platform.buildpacks["quiet-moon-12345"] == ["heroku/python"]


def test_create_leaves_a_remote_that_is_there(cli: Cli) -> None:
    cli.git("init", "-q")
    cli.git("remote", "add", "haibun", "https://localhost:5643/demo.git")
    assert "exists already" in cli("create", "other").stderr
    assert cli.git("remote", "get-url", "haibun") == "https://localhost:5643/demo.git\n"
    cli.ok("create", "staging", "--remote", "staging")
    assert cli.git("remote", "get-url", "staging") == "https://localhost:5643/staging.git\n"
    cli.ok("create", "third", "--no-remote")
    assert "third" not in cli.git("remote", "-v")


def test_a_taken_name_is_an_api_error(cli: Cli) -> None:
    done = cli("create", "demo")
    assert done.returncode == 2
    assert done.stderr == (
        "Creating demo... !\n ›   Error: Name demo is already taken\n ›\n ›   Error ID: invalid_params\n"
    )


def test_apps_lists_every_page(cli: Cli, platform: Platform) -> None:
    for name in ("alpha", "beta", "gamma", "zeta"):
        platform.add_app(name)
    platform.apps["zeta"]["owner"] = {"id": "x", "email": "other@example.com"}
    assert cli.ok("apps") == (
        "=== me@example.com Apps\n\nalpha\nbeta\ndemo\ngamma\n\n"
        "=== Collaborated Apps\n\n  Name   Email\n ──────────────────────────\n  zeta   other@example.com\n\n"
    )
    names = [app["name"] for app in json.loads(cli.ok("apps", "--json"))]
    assert names == ["alpha", "beta", "demo", "gamma", "zeta"]


def test_info_counts_dynos_and_leaves_out_what_the_server_does_not_know(cli: Cli, platform: Platform) -> None:
    platform.add_dyno("demo", "web.1", "x")
    platform.add_dyno("demo", "web.2", "x")
    text = cli.ok("info", "-a", "demo")
    assert text.startswith("=== demo\n\nAuto Cert Mgmt: false\nGit URL:        https://localhost:5643/demo.git\n")
    assert "Slug Size:      27 MB\n" in text
    assert "Dynos:          web: 2\n" in text
    assert json.loads(cli.ok("info", "-a", "demo", "--json"))["appData"]["name"] == "demo"


def test_rename_moves_the_remotes_of_the_app_only(cli: Cli) -> None:
    cli.git("init", "-q")
    cli.git("remote", "add", "haibun", "https://localhost:5643/demo.git")
    cli.git("remote", "add", "other", "https://localhost:5643/other.git")
    done = cli("rename", "newname")
    assert done.stderr.startswith("Renaming demo to newname... done\n ›   Warning: Don't forget")
    assert done.stdout.endswith("https://localhost:5643/newname.git\nGit remote haibun updated\n")
    assert cli.git("remote", "get-url", "haibun") == "https://localhost:5643/newname.git\n"
    assert cli.git("remote", "get-url", "other") == "https://localhost:5643/other.git\n"


def test_destroy_needs_the_name(cli: Cli, platform: Platform) -> None:
    assert cli("destroy", "-a", "demo").returncode == 1
    wrong = cli("destroy", "-a", "demo", "--confirm", "dem")
    assert wrong.returncode == 1
    assert "Confirmation dem did not match demo. Aborted." in wrong.stderr
    assert "demo" in platform.apps
    done = cli("destroy", "-a", "demo", "--confirm", "demo")
    assert done.stderr == "Destroying demo (including all add-ons)... done\n"
    assert platform.apps == {}


def test_open_says_the_address_where_no_browser_can_be_shown(cli: Cli) -> None:
    assert cli.ok("open", "/admin", "-a", "demo") == "https://demo.example.com/admin\n"


def test_stack_domains_buildpacks_maintenance_regions(cli: Cli, platform: Platform) -> None:
    assert cli.ok("stack", "-a", "demo") == "=== demo Available Stacks\n\n  heroku-22\n* heroku-24\n"
    assert "You will need to redeploy demo" in cli.ok("stack:set", "heroku-22", "-a", "demo")
    assert cli.ok("regions").splitlines()[2] == "  us   United States   Common Runtime"
    added = cli("domains:add", "www.example.com", "-a", "demo")
    assert added.stderr == "Adding www.example.com to demo... done\n"
    assert "DNS Target demo.dns.example.com." in added.stdout
    assert "  www.example.com   CNAME             demo.dns.example.com\n" in cli.ok("domains", "-a", "demo")
    assert cli("domains:remove", "www.example.com", "-a", "demo").stderr.endswith("from demo... done\n")
    assert cli.ok("maintenance", "-a", "demo") == "off\n"
    assert cli("maintenance:on", "-a", "demo").stderr == "Enabling maintenance mode for demo... done\n"
    assert cli.ok("maintenance", "-a", "demo") == "on\n"


def test_buildpacks_keep_their_order(cli: Cli, platform: Platform) -> None:
    assert cli.ok("buildpacks", "-a", "demo") == "demo has no Buildpacks.\n"
    assert cli.ok("buildpacks:set", "heroku/python", "-a", "demo").startswith(
        "Buildpack set. Next release on demo will use heroku/python.\n"
    )
    assert cli.ok("buildpacks:add", "--index", "1", "heroku/nodejs", "-a", "demo") == (
        "Buildpack added. Next release on demo will use:\n  1. heroku/nodejs\n  2. heroku/python\n"
        "Run git push haibun main to create a new release using these buildpacks.\n"
    )
    assert cli("buildpacks:add", "heroku/nodejs", "-a", "demo").returncode == 1
    cli.ok("buildpacks:remove", "--index", "1", "-a", "demo")
    assert platform.buildpacks["demo"] == ["heroku/python"]
    cli.ok("buildpacks:clear", "-a", "demo")
    assert platform.buildpacks["demo"] == []
