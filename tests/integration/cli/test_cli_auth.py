"""Logging in and out, and what happens without a token."""

from __future__ import annotations

import json
import stat

from cli_platform import EMAIL, TOKEN, Platform
from cli_user import Cli


def test_login_with_a_token_makes_the_platform_the_default(stranger: Cli, platform: Platform) -> None:
    done = stranger("login", "--host", platform.url, "--token", input=f"{TOKEN}\n")
    assert (done.returncode, done.stderr) == (0, f"Logged in as {EMAIL}\n")
    assert stat.S_IMODE(stranger.hosts_file.stat().st_mode) == 0o600
    saved = json.loads(stranger.hosts_file.read_text())
    assert saved["default"] == platform.url
    assert saved["hosts"][platform.url]["token"] == TOKEN
    assert stranger.ok("whoami") == f"{EMAIL}\n"
    assert stranger.ok("auth:token") == f"{TOKEN}\n"


def test_login_with_password_and_second_factor(stranger: Cli, platform: Platform) -> None:
    platform.two_factor = "123456"
    done = stranger("login", "-i", "--host", platform.url, input=f"{EMAIL}\nopen sesame\n123456\n")
    assert done.returncode == 0, done.stderr
    assert stranger.ok("whoami") == f"{EMAIL}\n"
    asked = [body for method, path, body in platform.requests if path == "/oauth/authorizations"]
    assert len(asked) == 2
    assert asked[0]["scope"] == ["global"]
    assert asked[0]["expires_in"] == 2592000


def test_a_wrong_password_or_token_saves_nothing(stranger: Cli, platform: Platform) -> None:
    done = stranger("login", "-i", "--host", platform.url, input=f"{EMAIL}\nwrong\n")
    assert done.returncode == 100
    assert "Invalid credentials provided." in done.stderr
    assert stranger("login", "--token", "--host", platform.url, input="nonsense\n").returncode == 100
    assert not stranger.hosts_file.exists()


def test_plain_login_says_how(stranger: Cli, platform: Platform) -> None:
    done = stranger("login", "--host", platform.url)
    assert done.returncode == 1
    assert "haibun login -i" in done.stderr


def test_logout_revokes_the_token_and_keeps_the_platform(cli: Cli, platform: Platform) -> None:
    done = cli("logout")
    assert (done.returncode, done.stderr) == (0, "Logging out... done\n")
    assert platform.tokens == set()
    saved = json.loads(cli.hosts_file.read_text())
    assert "token" not in saved["hosts"][platform.url]
    assert saved["hosts"][platform.url]["git_host"] == "localhost:5643"
    after = cli("whoami")
    assert after.returncode == 100
    assert after.stderr.startswith(" ›   Error: not logged in\n")
    assert "haibun login" in after.stderr


def test_the_environment_wins_over_the_file(cli: Cli, platform: Platform) -> None:
    done = cli("whoami", HAIBUN_API_KEY="nonsense")
    assert done.returncode == 100
    assert "HAIBUN_API_KEY" in done.stderr
    platform.tokens.add("other-token")
    done = cli("auth:whoami", HAIBUN_API_KEY="other-token")
    assert done.stdout == f"{EMAIL}\n"
    assert done.stderr == " ›   Warning: HAIBUN_API_KEY is set\n"
    assert cli("login", "-i", HAIBUN_API_KEY="x").returncode == 1


def test_a_host_and_key_from_the_environment_need_no_file(stranger: Cli, platform: Platform) -> None:
    assert stranger.ok("whoami", HAIBUN_HOST=platform.url, HAIBUN_API_KEY=TOKEN) == f"{EMAIL}\n"
    assert not stranger.hosts_file.exists()
