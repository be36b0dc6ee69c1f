"""The stock `heroku` command, unmodified, does the main job against a real platform."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import apps
from tests.e2e.platform import HEROKU, Platform, repository

pytestmark = [pytest.mark.root, pytest.mark.e2e]
APP = "e2e-stock"


@pytest.fixture(scope="module", autouse=True)
def cli_is_there() -> None:
    assert (HEROKU / "heroku").exists(), "The stock CLI is missing. Install it with: make heroku-cli"


@pytest.fixture(scope="module")
def folder(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = repository(platform, tmp_path_factory.mktemp("stock") / "app", apps.server("one"))
    created = platform.heroku("create", APP, cwd=folder)
    assert f"Creating {APP}... done" in created.stderr
    assert created.stdout.strip() == (
        f"https://{APP}.localhost:{platform.port}/ | https://localhost:{platform.port}/{APP}.git"
    )
    pushed = subprocess.run(
        ["git", "push", "heroku", "main"], cwd=folder, env=platform.heroku_env, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert pushed.returncode == 0, pushed.stderr
    assert "Released v3" in pushed.stderr
    platform.wait_for(APP, "one")
    yield folder
    platform.heroku("apps:destroy", "-a", APP, "--confirm", APP)
    assert APP not in platform.heroku("apps").stdout


def test_whoami(platform: Platform) -> None:
    assert platform.facts["admin"]["email"] in platform.heroku("whoami").stdout


def test_apps_and_info(platform: Platform, folder: Path) -> None:
    assert APP in platform.heroku("apps").stdout
    info = platform.heroku("apps:info", cwd=folder).stdout
    for line in (rf"=== {APP}", r"Owner: +admin@localhost", r"Stack: +debian-14", r"Dynos: +web: 1"):
        assert re.search(line, info), info


def test_config(platform: Platform, folder: Path) -> None:
    done = platform.heroku("config:set", "A=1", "B=two words", cwd=folder)
    assert re.search(r"Setting A, B and restarting e2e-stock\.\.\. done, v\d+", done.stderr)
    shown = platform.heroku("config", cwd=folder).stdout
    assert re.search(r"A: +1", shown)
    assert re.search(r"B: +two words", shown)


def test_ps_and_scale(platform: Platform, folder: Path) -> None:
    done = platform.heroku("ps:scale", "web=2", "worker+1", cwd=folder)
    assert "now running web at 2:Basic, worker at 1:Basic" in done.stderr
    deadline = time.monotonic() + 30
    while True:
        ps = platform.heroku("ps", cwd=folder).stdout
        if "web.2: up" in ps and "worker.1: up" in ps:
            break
        assert time.monotonic() < deadline, ps
    assert "=== web (Basic): python app.py (2)" in ps
    platform.heroku("ps:scale", "web=1", "worker=0", cwd=folder)


def test_releases_and_rollback(platform: Platform, folder: Path) -> None:
    releases = platform.heroku("releases", cwd=folder).stdout
    assert re.search(r"v3 +Deploy [0-9a-f]{8} +admin@localhost", releases)
    assert re.search(r"v1 +Initial release", releases)
    done = platform.heroku("rollback", "v3", cwd=folder)
    assert re.search(r"Rolling back e2e-stock to v3\.\.\. done, v\d+", done.stderr)
    assert "Rollback to v3" in platform.heroku("releases", cwd=folder).stdout


def test_logs(platform: Platform, folder: Path) -> None:
    platform.get(APP, "/for-the-log")
    deadline = time.monotonic() + 20
    while "/for-the-log" not in (log := platform.heroku("logs", "-n", "500", cwd=folder).stdout):
        assert time.monotonic() < deadline, log
    assert "app[web.1]: hello from web.1" in log
    assert 'heroku[router]: at=info method=GET path="/for-the-log"' in log


def test_logs_tail(platform: Platform, folder: Path) -> None:
    tail = subprocess.Popen(
        [HEROKU / "heroku", "logs", "--tail"],
        cwd=folder,
        env=platform.heroku_env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert tail.stdout is not None
    try:
        deadline = time.monotonic() + 40
        found = ""
        while "/seen-live" not in found and time.monotonic() < deadline:
            platform.get(APP, "/seen-live")
            if select.select([tail.stdout], [], [], 0.5)[0]:
                found += os.read(tail.stdout.fileno(), 65536).decode()
        assert "/seen-live" in found
    finally:
        tail.terminate()
        tail.wait(10)


def test_run_with_exit_code(platform: Platform, folder: Path) -> None:
    done = platform.heroku("run", "-x", "--no-tty", "--", "echo out; sh -c 'exit 7'", cwd=folder, check=False)
    assert "out" in done.stdout
    assert done.returncode == 7, done.stderr


def test_run_with_piped_input(platform: Platform, folder: Path) -> None:
    done = platform.heroku("run", "--no-tty", "--", "tr a-z A-Z", cwd=folder, stdin="hello\nthere\n")
    assert done.stdout.split() == ["HELLO", "THERE"]


def test_run_in_a_terminal(platform: Platform, folder: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(HEROKU / "heroku", ["heroku", "run", "bash"], platform.heroku_env)
    found = ""
    asked = False
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    found += os.read(terminal, 65536).decode(errors="replace")
                except OSError:
                    break
            if "$ " in found and not asked:
                os.write(terminal, b"tty && echo answer $((6*7)); exit\n")
                asked = True
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    assert "answer 42" in found
    assert "/dev/pts/" in found


def test_open_says_the_url(platform: Platform, folder: Path) -> None:
    done = subprocess.run(
        [HEROKU / "heroku", "open"], cwd=folder, env=platform.heroku_env | {"BROWSER": "true"}, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert f"https://{APP}.localhost:{platform.port}/" in done.stdout + done.stderr
