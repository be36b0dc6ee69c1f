"""How long `haibun up` takes, on an empty data dir and on a running platform, and the CLI's own start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from bench.platforms import fresh
from bench.report import Row, median
from tests.e2e.platform import HAIBUN


def rows(quick: bool) -> list[Row]:
    rounds = 2 if quick else 5
    first, stopped, again = [], [], []
    for _ in range(rounds):
        with fresh() as platform:
            first.append(_seconds(platform.up))
            again.append(_seconds(platform.up))
            platform.down()
            stopped.append(_seconds(platform.up))
    version = [_run([str(HAIBUN), "version"]) for _ in range(10 * rounds)]
    python = [_run([sys.executable, "-c", "pass"]) for _ in range(10 * rounds)]
    return [
        Row("haibun up, empty data dir, until healthy", median(first), "s", aim=3, note=f"{rounds} rounds"),
        Row("haibun up, stopped platform, until healthy", median(stopped), "s", aim=3),
        Row("haibun up, running platform", median(again), "s", aim=1),
        Row("haibun version", median(version), "ms", median(python), aim=150, note="bare part: python -c pass"),
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _run(command: list[str]) -> float:
    """Milliseconds."""
    return _seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)) * 1000
