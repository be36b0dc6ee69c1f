"""The main job: push, serve, scale, configure, roll back, read logs, run, destroy; with `haibun` and git alone."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.e2e import apps
from tests.e2e.platform import Platform, commit, repository

pytestmark = [pytest.mark.root, pytest.mark.e2e]


@pytest.fixture(scope="module")
def folder(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(platform, tmp_path_factory.mktemp("main") / "app", apps.server("one"))


@pytest.fixture(scope="module")
def app(platform: Platform, folder: Path) -> str:
    platform.haibun("create", "e2e-main", cwd=folder)
    return "e2e-main"


def test_whoami_works_at_once(platform: Platform) -> None:
    assert platform.haibun("whoami").stdout.strip() == platform.facts["admin"]["email"]


def test_first_push_in_herokus_shape(platform: Platform, app: str, folder: Path) -> None:
    pushed = platform.git("push", "haibun", "main", cwd=folder).stderr
    said = [line.removeprefix("remote: ").rstrip() for line in pushed.splitlines() if line.startswith("remote:")]
    for line in (
        "Compressing source files... done.",
        "Building source:",
        "-----> Building on the Debian-14 stack",
        "-----> Python app detected",
        "-----> Discovering process types",
        "       Procfile declares types -> web, worker",
        "-----> Compressing...",
        "-----> Launching...",
        "       Released v3",
        f"       https://{app}.localhost:{platform.port}/ deployed to Haibun",
        "Verifying deploy... done.",
    ):
        assert line in said, pushed
    assert re.search(r" \* \[new branch\] +main -> main", pushed)
    assert "one from web.1" in platform.wait_for(app, "one").body


def test_plain_http_and_https_on_the_one_port(platform: Platform, app: str) -> None:
    assert platform.get(app, tls=False).status == 200
    plain = json.loads(platform.get(app, "/headers", tls=False).body)
    secure = json.loads(platform.get(app, "/headers").body)
    assert plain["x-forwarded-proto"] == "http"
    assert secure["x-forwarded-proto"] == "https"
    assert re.fullmatch(r"[0-9a-f-]{36}", secure["x-request-id"])


def test_the_same_commit_again(platform: Platform, app: str, folder: Path) -> None:
    assert "Everything up-to-date" in platform.git("push", "haibun", "main", cwd=folder).stderr


def test_second_push_replaces_the_first(platform: Platform, app: str, folder: Path) -> None:
    commit(platform, folder, {"app.py": "VERSION = 'two'\n" + apps.SERVER})
    platform.git("push", "haibun", "main", cwd=folder)
    platform.wait_for(app, "two")
    for _ in range(20):
        assert "two" in platform.get(app).body


def test_config_makes_a_release_and_reaches_the_dyno(platform: Platform, app: str) -> None:
    value = "quotes ' \" $HOME `id` \\ and ünïcode\nsecond line"
    platform.haibun("config:set", f"ODD={value}", "PLAIN=x", "-a", app)
    assert platform.haibun("config:get", "ODD", "-a", app).stdout == value + "\n"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        env = json.loads(platform.get(app, "/env").body)
        if env.get("ODD") == value:
            break
    assert env["ODD"] == value
    assert env["HOME"] == "/app"
    assert env["DYNO"] == "web.1"
    assert "Set ODD, PLAIN config vars" in platform.haibun("releases", "-a", app).stdout


def test_scale_to_three_and_all_answer(platform: Platform, app: str) -> None:
    platform.haibun("ps:scale", "web=3", "worker=1", "-a", app)
    seen: set[str] = set()
    deadline = time.monotonic() + 30
    while len(seen) < 3 and time.monotonic() < deadline:
        seen.add(platform.get(app).body.split()[-1])
    assert seen == {"web.1", "web.2", "web.3"}
    ps = platform.haibun("ps", "-a", app).stdout
    assert "web.3: up" in ps
    assert "worker.1: up" in ps
    platform.haibun("ps:scale", "web=1", "worker=0", "-a", app)


def test_rollback_without_a_build(platform: Platform, app: str) -> None:
    began = time.monotonic()
    out = platform.haibun("rollback", "v3", "-a", app)
    platform.wait_for(app, "one")
    took = time.monotonic() - began
    assert "v3" in out.stderr
    assert "Rollback to v3" in platform.haibun("releases", "-a", app).stdout
    print(f"rollback until served: {took:.2f} s")


def test_logs_tell_the_whole_story(platform: Platform, app: str) -> None:
    log = platform.wait_for_log(app, "Rollback to v3")
    for part in (
        "app[api]: Release v3 created by user",
        "app[web.1]: hello from web.1",
        "heroku[web.1]: State changed from starting to up",
        'heroku[router]: at=info method=GET path="/" host=e2e-main.localhost',
        "app[worker.1]: tick",
    ):
        assert part in log, log[-3000:]
    only = platform.logs(app, "--source", "heroku", "--dyno-name", "router")
    assert all(" heroku[router]: " in line for line in only.splitlines() if line)


def test_run_passes_output_and_exit_code(platform: Platform, app: str) -> None:
    done = platform.haibun("run", "--no-tty", "-a", app, "--", "sh -c 'echo out; pwd; id -u; exit 7'", check=False)
    assert done.stdout.split() == ["out", "/app", "1000"]
    assert done.returncode == 7


def test_run_reads_standard_input(platform: Platform, app: str) -> None:
    text = "".join(f"line {n} ü\n" for n in range(2000))
    assert platform.haibun("run", "--no-tty", "-a", app, "--", "cat", stdin=text).stdout == text


def test_the_filesystem_is_ephemeral(platform: Platform, app: str) -> None:
    platform.haibun("run", "--no-tty", "-a", app, "--", "touch /app/left /tmp/left")
    listed = platform.haibun("run", "--no-tty", "-a", app, "--", "ls /app /tmp").stdout
    assert "app.py" in listed
    assert "left" not in listed


def test_restart_is_a_new_attempt(platform: Platform, app: str) -> None:
    before = json.loads(platform.haibun("ps", "--json", "-a", app).stdout)
    platform.haibun("ps:restart", "-a", app)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert platform.get(app).status == 200
        after = json.loads(platform.haibun("ps", "--json", "-a", app).stdout)
        ids = {dyno["id"] for dyno in after}
        if ids.isdisjoint(dyno["id"] for dyno in before) and all(dyno["state"] == "up" for dyno in after):
            return
    raise AssertionError(after)


def test_other_branches_are_stored_not_built(platform: Platform, app: str, folder: Path) -> None:
    pushed = platform.git("push", "haibun", "main:feature", cwd=folder).stderr
    assert "skipping build" in pushed
    assert "feature" in platform.git("ls-remote", "haibun", cwd=folder).stdout


def test_unknown_host_page(platform: Platform) -> None:
    answer = platform.get("no-such-app-here", tls=False)
    assert answer.status == 404


def test_destroy_ends_everything(platform: Platform, app: str, folder: Path) -> None:
    platform.haibun("destroy", "-a", app, "--confirm", app)
    assert platform.haibun("info", "-a", app, check=False).returncode != 0
    deadline = time.monotonic() + 30
    while platform.get(app, tls=False).status != 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert platform.git("push", "haibun", "main", cwd=folder, check=False).returncode != 0
