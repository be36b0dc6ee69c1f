"""From `git push` to the first answer of the new version through the router, and the same for a rollback.

The app is examples/python-flask: gunicorn and Flask, so a part of each figure is the app's own start. The polling
is a visitor's, too: none of its requests may fail while one version replaces another.
"""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from pathlib import Path

from bench.platforms import flask_app, new_version, running
from bench.report import Row, median
from tests.e2e.platform import Platform

POLL_SECONDS = 0.005
SERVED_WITHIN_SECONDS = 180.0
APP = "bench-push"

STEPS = (
    ("client and git", "remote: Building source:"),
    ("build dyno's boot", "remote: -----> Building on"),
    ("build", "remote: -----> Compressing"),
    ("seal", "remote: -----> Launching"),
    ("release", "remote:        Released"),
)
"""A step, and the line of the push with which it is over. What is left is the new dyno's boot."""
LAST = "boot until served"


def rows(quick: bool) -> list[Row]:
    rounds = 3 if quick else 7
    with running() as platform:
        folder = flask_app(platform, APP)
        cold, _ = _push(platform, folder, "version bench-0,")
        found = [_push(platform, folder, new_version(platform, folder, n + 1)) for n in range(rounds)]
        back = _rollbacks(platform, rounds)
    pushes, failed = [steps for steps, _ in found], [seen for _, seen in (*found, *back)]
    total = [sum(steps.values()) for steps in pushes]
    middle = {step: median([steps[step] for steps in pushes]) for step in pushes[0]}
    return [
        Row("push, code only, until served", median(total), "s", aim=2, note=f"{rounds} pushes: {_told(middle)}"),
        Row("first push, until served", sum(cold.values()), "s", aim=3, note=_told(cold)),
        Row(
            "rollback, until served",
            median([took for took, _ in back]),
            "s",
            aim=2,
            note=f"{rounds}, CLI included",
        ),
        Row(
            "failed requests meanwhile",
            sum(seen.failed for seen in failed),
            "",
            aim=0,
            note=f"of {sum(seen.asked for seen in failed)}"
            + "".join({f"; {seen.last}" for seen in failed if seen.last}),
        ),
    ]


def _told(steps: dict[str, float]) -> str:
    return ", ".join(f"{step} {seconds:.2f} s" for step, seconds in steps.items())


def _push(platform: Platform, folder: Path, text: str) -> tuple[dict[str, float], _Poll]:
    """Seconds of each step, and what a visitor saw."""
    served = _Poll(platform, text)
    began = time.monotonic()
    marks = _marks(platform, folder)
    marks[LAST] = served.at()
    steps, last = {}, began
    for step, moment in marks.items():
        steps[step], last = moment - last, moment
    return steps, served


def _marks(platform: Platform, folder: Path) -> dict[str, float]:
    """When each step was over, as the pusher sees it."""
    marks: dict[str, float] = {}
    lines: list[str] = []
    waiting = list(STEPS)
    with subprocess.Popen(
        ["git", "push", "haibun", "main"], cwd=folder, env=platform.env, stderr=subprocess.PIPE, text=True
    ) as git:
        assert git.stderr
        for line in git.stderr:
            lines.append(line)
            if waiting and line.startswith(waiting[0][1]):
                marks[waiting.pop(0)[0]] = time.monotonic()
    if git.returncode or waiting:
        raise RuntimeError("The push failed:\n" + "".join(lines))
    return marks


def _rollbacks(platform: Platform, rounds: int) -> list[tuple[float, _Poll]]:
    """To the release before, there and back, until it is served."""
    times = []
    # v1 and v2 have no code, v3 is version 0; the pushes made v4 and on. Each rollback makes a release too.
    for number in range(rounds):
        served = _Poll(platform, f"version bench-{number % 2},")
        began = time.monotonic()
        platform.haibun("rollback", f"v{3 + number % 2}", "-a", APP)
        times.append((served.at() - began, served))
    return times


class _Poll:
    """Asks the router every 5 ms, in a thread, until the answer has the text."""

    def __init__(self, platform: Platform, text: str) -> None:
        self._port, self._text = platform.port, text
        self._found = 0.0
        self.asked = self.failed = 0
        self.last = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def at(self) -> float:
        """When it was found (monotonic). TimeoutError if it never is."""
        self._thread.join()
        if not self._found:
            raise TimeoutError(f"{APP} does not answer {self._text!r}")
        return self._found

    def _run(self) -> None:
        deadline = time.monotonic() + SERVED_WITHIN_SECONDS
        while time.monotonic() < deadline:
            self.asked += 1
            status, body = self._get()
            if self._text in body:
                self._found = time.monotonic()
                return
            if status != 200:
                self.failed, self.last = self.failed + 1, f"{status} {body[:200]}"
            time.sleep(POLL_SECONDS)

    def _get(self) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", "/", headers={"Host": f"{APP}.localhost"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()
