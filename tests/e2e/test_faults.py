"""What may not go wrong: drops during deploys, and the death of our own processes."""

from __future__ import annotations

import collections
import http.client
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.e2e import apps
from tests.e2e.platform import HAIBUN, Platform, commit, repository

pytestmark = [pytest.mark.root, pytest.mark.e2e]
PUSHES = int(os.environ.get("HAIBUN_TEST_PUSHES", "20"))


class Visitors:
    """About `rate` requests a second until stopped; keeps what each was answered."""

    def __init__(self, platform: Platform, app: str, rate: int = 50) -> None:
        self._host, self._port = f"{app}.localhost:{platform.port}", platform.port
        self._pause, self._stop = 4 / rate, threading.Event()
        self.answers: list[tuple[float, int, str]] = []
        self._threads = [threading.Thread(target=self._visit, daemon=True) for _ in range(4)]

    def __enter__(self) -> Visitors:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _visit(self) -> None:
        while not self._stop.wait(self._pause):
            began = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            try:
                connection.request("GET", "/", headers={"Host": self._host})
                answer = connection.getresponse()
                self.answers.append((began, answer.status, answer.read().decode()))
            except OSError as error:
                self.answers.append((began, 0, repr(error)))
            finally:
                connection.close()


def test_pushes_under_load_drop_nothing(platform: Platform, tmp_path: Path) -> None:
    folder = repository(platform, tmp_path / "app", apps.server("n0"))
    platform.haibun("create", "e2e-load", cwd=folder)
    platform.git("push", "haibun", "main", cwd=folder)
    platform.wait_for("e2e-load", "n0")
    switched: list[tuple[float, int]] = []
    with Visitors(platform, "e2e-load") as visitors:
        for n in range(1, PUSHES + 1):
            commit(platform, folder, {"app.py": f"VERSION = 'n{n}'\n" + apps.SERVER})
            platform.git("push", "haibun", "main", cwd=folder)
            platform.wait_for("e2e-load", f"n{n} ")
            time.sleep(0.3)  # the switch takes a moment of its own
            switched.append((time.monotonic(), n))
    bad = [answer for answer in visitors.answers if answer[1] != 200]
    assert bad == [], f"{len(bad)} of {len(visitors.answers)}: {bad[:3]}"
    for at, n in switched:
        late = [int(body.split()[0][1:]) for began, _, body in visitors.answers if began > at]
        assert all(version >= n for version in late), f"an old page after the switch to n{n}"
    print(f"{len(visitors.answers)} requests over {PUSHES} pushes, none failed")
    platform.haibun("destroy", "-a", "e2e-load", "--confirm", "e2e-load")


def test_kill_9_of_everything_but_dynos_and_haproxy(platform: Platform, tmp_path: Path) -> None:
    ticking = (
        "import time\nn = 0\nwhile True:\n    print('line', n, flush=True)\n    n += 1\n    time.sleep(0.05)\n"
    )
    folder = repository(platform, tmp_path / "app", apps.server("alive", **{"worker.py": ticking}))
    platform.haibun("create", "e2e-kill", cwd=folder)
    platform.git("push", "haibun", "main", cwd=folder)
    platform.wait_for("e2e-kill", "alive")
    platform.haibun("ps:scale", "worker=1", "-a", "e2e-kill")
    platform.wait_for_log("e2e-kill", "app[worker.1]: line 20")
    before = platform.haibun("ps", "--json", "-a", "e2e-kill").stdout
    pids = {part["name"]: part["pid"] for part in platform.status()["parts"] if part.get("pid")}
    for name in ("supervisor", "web", "controller", "logplex", "runtime"):
        os.kill(pids[name], signal.SIGKILL)
    time.sleep(1)
    assert not platform.status()["healthy"]
    for _ in range(20):
        assert platform.get("e2e-kill").status == 200
        time.sleep(0.05)
    platform.up()
    assert platform.haibun("ps", "--json", "-a", "e2e-kill").stdout == before
    time.sleep(1)
    log = platform.logs("e2e-kill", "--dyno-name", "worker.1")
    numbers = [int(line.rpartition(" ")[2]) for line in log.splitlines() if "app[worker.1]: line" in line]
    assert numbers == list(range(numbers[-1] + 1)), "a line is missing or doubled"
    assert numbers[-1] > 40
    commands = collections.Counter(_commands("worker.py"))
    assert sum(commands.values()) <= 2, commands  # bash -c and python; not twice of them
    platform.haibun("destroy", "-a", "e2e-kill", "--confirm", "e2e-kill")


def _commands(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command and "python" in command and "pytest" not in command and "tini" not in command:
            found.append(command)
    return found


def test_ctrl_c_cancels_the_build_and_frees_the_lock(platform: Platform, tmp_path: Path) -> None:
    slow = {"bin/pre_compile": "#!/usr/bin/env bash\necho started; sleep 60\n"}
    folder = repository(platform, tmp_path / "app", apps.server("patient", **slow))
    platform.haibun("create", "e2e-cancel", cwd=folder)
    push = subprocess.Popen(
        ["git", "push", "haibun", "main"], cwd=folder, env=platform.env, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert push.stderr is not None
    for line in push.stderr:
        if "started" in line:
            break
    os.killpg(push.pid, signal.SIGINT)
    push.wait(20)
    (folder / "bin" / "pre_compile").unlink()
    commit(platform, folder, {})
    deadline = time.monotonic() + 30
    while True:
        done = platform.git("push", "haibun", "main", cwd=folder, check=False)
        if done.returncode == 0:
            break
        assert "under way" in done.stderr, done.stderr
        assert time.monotonic() < deadline, "the build's lock was not freed"
        time.sleep(0.5)
    platform.haibun("destroy", "-a", "e2e-cancel", "--confirm", "e2e-cancel")


def test_up_twice_changes_nothing(platform: Platform) -> None:
    before = [part.get("pid") for part in platform.status()["parts"]]
    platform.up()
    assert [part.get("pid") for part in platform.status()["parts"]] == before


def test_up_without_root_says_so(platform: Platform) -> None:
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", HAIBUN, "up"],
        capture_output=True, text=True, env=platform.env,
    )  # fmt: skip
    assert done.returncode == 1
    assert "must be run as root" in done.stderr
    assert "Traceback" not in done.stderr
