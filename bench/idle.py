"""What a platform costs that does nothing: memory (PSS, so that shared pages count once) and CPU, with one app of
one idle dyno. And what a dyno costs beside its app: its conmon and its init."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

from bench.platforms import processes, running
from bench.report import Row
from tests.e2e.platform import Platform, repository

APP = "bench-idle"
FILES = {
    "Procfile": "web: exec python server.py\nworker: exec sleep 1d\n",
    "requirements.txt": "",
    "server.py": (
        "import os, http.server as h\nprint('here')\n"
        "h.ThreadingHTTPServer(('', int(os.environ['PORT'])), h.SimpleHTTPRequestHandler).serve_forever()\n"
    ),
}
MB = 1e6
WORKERS = 4
"""More dynos than one, for a mean."""


def rows(quick: bool) -> list[Row]:
    seconds = 10.0 if quick else 20.0
    with running() as platform:
        folder = repository(platform, platform.home / APP, FILES)
        platform.haibun("create", APP, cwd=folder)
        platform.git("push", "haibun", "main", cwd=folder)
        platform.wait_for(APP, "server.py")
        time.sleep(5)  # what follows a push is over
        used = _cpu(platform, seconds)
        memory = _memory(platform)
        platform.haibun("ps:scale", f"worker={WORKERS}", "-a", APP)
        time.sleep(5)
        beside = _beside_dynos(platform)
    total, busy = sum(memory.values()), sum(used.values()) / seconds * 100
    told = ", ".join(f"{role} {size / MB:.0f} MB {used[role] / seconds:.2%}" for role, size in memory.items())
    return [
        Row("idle platform, memory", total / MB, "MB", aim=300, note=told),
        Row("idle platform, CPU", busy, "% of a core", aim=2, note=f"over {seconds:.0f} s, one app of one dyno"),
        Row("memory beside an idle dyno's app", sum(beside) / len(beside) / MB, "MB", aim=2,
            note=f"conmon and init, mean of {len(beside)} dynos"),
    ]  # fmt: skip


def _memory(platform: Platform) -> Counter[str]:
    """Role -> bytes."""
    found: Counter[str] = Counter()
    for pid, role in processes(platform).items():
        found[role] += _pss(pid)
    return found


def _cpu(platform: Platform, seconds: float) -> dict[str, float]:
    """Role -> seconds of CPU used in that time; children that ended are their parents'."""
    roles = processes(platform)
    before = {pid: _ticks(pid) for pid in roles}
    time.sleep(seconds)
    used: dict[str, float] = dict.fromkeys(roles.values(), 0.0)
    for pid, role in roles.items():
        used[role] += (_ticks(pid) - before[pid]) / os.sysconf("SC_CLK_TCK")
    return used


def _beside_dynos(platform: Platform) -> list[float]:
    """Bytes of each dyno's conmon and init."""
    parents: dict[int, list[int]] = {}
    conmons: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(entry.name))
        if words[0].endswith(b"conmon") and any(bytes(platform.data_dir) in word for word in words):
            conmons.append(int(entry.name))
    if len(conmons) != WORKERS + 1:
        raise RuntimeError(f"{len(conmons)} dynos run, not {WORKERS + 1}")
    return [sum(map(_pss, (conmon, *parents.get(conmon, [])))) for conmon in conmons]


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"The kernel does not tell the memory of process {pid}.")


def _ticks(pid: int) -> int:
    """Of the process and of its children that ended."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
