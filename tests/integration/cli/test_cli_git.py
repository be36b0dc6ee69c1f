"""git remotes, the credential helper that git itself asks, and which app a folder is about."""

from __future__ import annotations

import json
import shlex

from cli_platform import TOKEN, Platform
from cli_user import Cli

QUESTION = "protocol=https\nhost=localhost:5643\n\n"


def test_git_gets_the_token_without_asking_anybody(cli: Cli) -> None:
    cli.git("init", "-q")
    assert cli.ok("git:remote", "-a", "demo") == "set git remote haibun to https://localhost:5643/demo.git\n"
    filled = cli.git("credential", "fill", input=QUESTION)
    assert f"username=haibun\npassword={TOKEN}\n" in filled


def test_no_other_helper_sees_or_keeps_the_token(cli: Cli) -> None:
    spy = cli.folder.parent / "spy"
    cli.git("init", "-q")
    cli.git("config", "--global", "credential.helper", f"!cat >> {shlex.quote(str(spy))}; echo")
    cli.ok("git:remote", "-a", "demo")
    filled = cli.git("credential", "fill", input=QUESTION)
    cli.git("credential", "approve", input=filled)
    assert not spy.exists()


def test_the_helper_answers_for_known_https_hosts_only(cli: Cli) -> None:
    for question in ("protocol=https\nhost=evil.example.com\n\n", "protocol=http\nhost=localhost:5643\n\n"):
        assert cli("git:credentials", "get", input=question).stdout == ""
    answer = cli("git:credentials", "get", input=QUESTION).stdout
    assert answer == f"protocol=https\nhost=localhost:5643\nusername=haibun\npassword={TOKEN}\n"
    assert cli("git:credentials", "store", input=QUESTION).stdout == ""


def test_without_a_token_git_is_told_to_stop(cli: Cli) -> None:
    cli.ok("logout")
    done = cli("git:credentials", "get", input=QUESTION)
    assert done.stdout == "quit=1\n"
    assert "haibun login" in done.stderr


def test_the_repository_trusts_the_platforms_authority(cli: Cli, authority: tuple[object, object]) -> None:
    cli.git("init", "-q")
    cli.ok("git:remote", "-a", "demo")
    cli.ok("git:remote", "-a", "demo")
    config = cli.git("config", "--get-urlmatch", "http", "https://localhost:5643/demo.git")
    assert f"http.sslcainfo {authority[0]}" in config
    assert "http.proactiveauth basic" in config
    helpers = cli.git("config", "--get-all", "credential.https://localhost:5643.helper")
    assert helpers == f"\n!'{cli.program}' git:credentials\n"


def test_the_app_comes_from_the_remote_named_haibun(cli: Cli, platform: Platform) -> None:
    platform.add_app("other")
    cli.git("init", "-q")
    assert cli("ps").returncode == 2
    cli.git("remote", "add", "elsewhere", "https://example.com/nothing.git")
    cli.git("remote", "add", "production", "https://localhost:5643/other.git")
    assert cli.ok("ps") == "No dynos on other\n"
    cli.git("remote", "add", "staging", "https://localhost:5643/demo.git")
    several = cli("ps")
    assert several.returncode == 1
    assert "Multiple apps in git remotes" in several.stderr
    assert cli.ok("ps", "-r", "staging") == "No dynos on demo\n"
    assert cli.ok("ps", HAIBUN_APP="demo") == "No dynos on demo\n"
    cli.git("config", "haibun.remote", "staging")
    assert cli.ok("ps") == "No dynos on demo\n"
    cli.git("config", "--unset", "haibun.remote")
    cli.git("remote", "rename", "production", "haibun")
    assert cli.ok("ps") == "No dynos on other\n"


def test_the_remote_says_which_platform(cli: Cli, platform: Platform) -> None:
    saved = json.loads(cli.hosts_file.read_text())
    saved["hosts"]["http://localhost:1"] = {"token": "x", "git_host": "localhost:9"}
    saved["default"] = "http://localhost:1"
    cli.hosts_file.write_text(json.dumps(saved))
    assert "http://localhost:1" in cli("apps").stderr
    cli.git("init", "-q")
    cli.git("remote", "add", "haibun", "https://localhost:5643/demo.git")
    assert "demo" in cli.ok("apps")
    assert "http://localhost:1" in cli("apps", "--host", "localhost:1").stderr
    assert "http://localhost:1" in cli("apps", HAIBUN_HOST="http://localhost:1/").stderr


def test_a_strange_path_of_the_program_is_quoted(cli: Cli) -> None:
    odd = cli.folder.parent / "it's $HOME; true" / "haibun"
    odd.parent.mkdir()
    cli.program.rename(odd)
    cli.program = odd
    cli.git("init", "-q")
    cli.ok("git:remote", "-a", "demo")
    assert f"password={TOKEN}\n" in cli.git("credential", "fill", input=QUESTION)
