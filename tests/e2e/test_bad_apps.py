"""Apps that do not work: each gets a sentence that says what is wrong and what to do, the right code, and leaves
the previous release serving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import apps
from tests.e2e.platform import Platform, commit, repository

pytestmark = [pytest.mark.root, pytest.mark.e2e]

Push = Callable[[dict[str, str]], str]


@pytest.fixture(scope="module")
def app(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = repository(platform, tmp_path_factory.mktemp("bad") / "app", apps.server("good"))
    platform.haibun("create", "e2e-bad", cwd=folder)
    platform.git("push", "haibun", "main", cwd=folder)
    platform.wait_for("e2e-bad", "good")
    return "e2e-bad", folder


def push(platform: Platform, app: tuple[str, Path], files: dict[str, str], *, refused: bool) -> str:
    name, folder = app
    platform.git("reset", "-q", "--hard", "haibun/main", cwd=folder)
    commit(platform, folder, files)
    done = platform.git("push", "-f", "haibun", "main", cwd=folder, check=False)
    assert (done.returncode != 0) == refused, done.stderr
    if refused:
        assert "pre-receive hook declined" in done.stderr
    assert platform.get(name).body.startswith("good")
    return done.stderr


def test_no_language(platform: Platform, tmp_path: Path) -> None:
    folder = repository(platform, tmp_path / "app", {"notes.txt": "nothing to run"})
    platform.haibun("create", "e2e-nothing", cwd=folder)
    done = platform.git("push", "haibun", "main", cwd=folder, check=False)
    assert done.returncode != 0
    assert "No default language could be detected for this app." in done.stderr
    assert "Push failed" in done.stderr
    assert "Push rejected to e2e-nothing." in done.stderr
    again = platform.git("push", "haibun", "main", cwd=folder, check=False)
    assert "No default language" in again.stderr
    assert platform.get("e2e-nothing", tls=False).status in (404, 502, 503)
    platform.haibun("destroy", "-a", "e2e-nothing", "--confirm", "e2e-nothing")


def test_a_requirement_that_does_not_exist(platform: Platform, app: tuple[str, Path]) -> None:
    said = push(platform, app, {"requirements.txt": "no-such-package-at-all-haibun==1.0\n"}, refused=True)
    assert "no-such-package-at-all-haibun" in said
    assert "Push rejected, failed to compile Python app." in said


def test_an_app_that_exits_at_boot(platform: Platform, app: tuple[str, Path]) -> None:
    push(platform, app, apps.broken("print('about to leave', flush=True)\nraise SystemExit(3)\n"), refused=False)
    log = platform.wait_for_log(app[0], "State changed from starting to crashed")
    assert "app[web.1]: about to leave" in log
    assert "Process exited with status 3" in log
    assert platform.get(app[0]).body.startswith("good")


def test_an_app_that_never_binds(platform: Platform, app: tuple[str, Path]) -> None:
    push(platform, app, apps.broken("import time\ntime.sleep(3600)\n"), refused=False)
    log = platform.wait_for_log(app[0], "Error R10 (Boot timeout)")
    assert "Stopping process with SIGKILL" in log
    assert platform.get(app[0]).body.startswith("good")


def test_an_app_on_loopback_only(platform: Platform, app: tuple[str, Path]) -> None:
    push(platform, app, apps.broken(apps.SERVER.replace("0.0.0.0", "127.0.0.1")), refused=False)
    log = platform.wait_for_log(app[0], "listens on 127.0.0.1 only")
    assert "bind to 0.0.0.0" in log
    assert platform.get(app[0]).body.startswith("good")


def test_a_crash_is_restarted(platform: Platform, tmp_path: Path) -> None:
    folder = repository(platform, tmp_path / "app", apps.server("steady"))
    platform.haibun("create", "e2e-crash", cwd=folder)
    platform.git("push", "haibun", "main", cwd=folder)
    platform.wait_for("e2e-crash", "steady")
    assert platform.get("e2e-crash", "/crash").status in (502, 503)
    platform.wait_for("e2e-crash", "steady")
    log = platform.wait_for_log("e2e-crash", "State changed from up to crashed")
    assert "Process exited with status 3" in log
    platform.haibun("destroy", "-a", "e2e-crash", "--confirm", "e2e-crash")


def test_no_web_dynos_is_h14(platform: Platform, app: tuple[str, Path]) -> None:
    platform.haibun("ps:scale", "web=0", "-a", app[0])
    platform.wait_for_log(app[0], "web@0")
    for _ in range(100):
        if platform.get(app[0]).status == 503:
            break
    assert platform.get(app[0]).status == 503
    platform.wait_for_log(app[0], "code=H14")
