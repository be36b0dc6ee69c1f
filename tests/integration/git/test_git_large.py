"""Large pushes pass through; nothing of them stays in the process that serves."""

from __future__ import annotations

import os
from pathlib import Path

from haibun.blobs import sources
from haibun.git import programs


def memory_mb(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise AssertionError(field)


def test_fifty_megabytes_leave_memory_flat(host):
    work = host.checkout()
    work.commit(warm="up")
    assert work.push("main")[0] == 0
    for number in range(5):
        (work.path / f"blob{number}").write_bytes(os.urandom(10 << 20))
    work.git("config", "core.bigFileThreshold", "8m")  # the client need not look for deltas in noise
    work.git("config", "core.compression", "0")
    work.commit()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = memory_mb("VmRSS")
    code, said = work.push("main")
    assert code == 0, said
    assert memory_mb("VmHWM") - before < 12
    copy = host.checkout()
    before = memory_mb("VmRSS")
    copy.git("clone", "-q", host.url(), "here")
    assert memory_mb("VmHWM") - before < 12
    assert (copy.path / "here" / "blob3").read_bytes() == (work.path / "blob3").read_bytes()
    assert sum(host.room.sources[-1].values()) > 50 << 20


def test_a_source_over_the_limit_is_refused_before_the_build(host, monkeypatch):
    monkeypatch.setattr(sources, "LIMIT_BYTES", 1 << 20)
    work = host.checkout()
    work.commit(zeros=bytes(60 << 20))  # packs to almost nothing
    code, said = work.push("main")
    assert code == 1
    assert "The source is larger than" in said
    assert "Push rejected to old-pond." in said
    assert host.room.rows() == []
    assert list(host.layout.sources.iterdir()) == []


def test_a_pack_over_the_limit_is_refused_by_git(host):
    settings = host.layout.data / "hooks" / "gitconfig"
    limit = f"maxInputSize = {programs.LIMIT_BYTES}"
    settings.write_text(settings.read_text().replace(limit, "maxInputSize = 1000000"))
    work = host.checkout()
    work.commit(noise=os.urandom(3 << 20))
    code, said = work.push("main")
    assert code == 1
    assert "pack exceeds maximum allowed size" in said
    assert host.room.rows() == []
    assert work.remote_refs() == {}
