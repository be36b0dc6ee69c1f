"""A platform for a benchmark: fresh, on a free port, and gone afterwards with all its dynos."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.platform import ROOT, Platform, commit, free_port, repository

EXAMPLE = ROOT / "examples" / "python-flask"


@contextmanager
def fresh() -> Iterator[Platform]:
    """Not started yet."""
    folder = Path(tempfile.mkdtemp(prefix="haibun-bench-"))
    folder.chmod(0o755)
    (folder / "home").mkdir()
    made = Platform(folder / "data", folder / "home", free_port())
    try:
        yield made
    finally:
        if made.data_dir.exists():
            made.down("--dynos")
        shutil.rmtree(folder)


@contextmanager
def running() -> Iterator[Platform]:
    with fresh() as made:
        made.up()
        yield made


def flask_app(platform: Platform, name: str) -> Path:
    """The example app, created on the platform and committed as version 0; not pushed yet."""
    files = {path.name: path.read_text() for path in EXAMPLE.iterdir() if path.is_file()}
    folder = repository(platform, platform.home / name, files)
    platform.haibun("create", name, cwd=folder)
    new_version(platform, folder, 0)
    return folder


def new_version(platform: Platform, folder: Path, number: int) -> str:
    """Commit another version, one line changed; what its answer says."""
    lines = (EXAMPLE / "app.py").read_text().replace('VERSION = "1"', f'VERSION = "bench-{number}"')
    assert f"bench-{number}" in lines
    commit(platform, folder, {"app.py": lines})
    return f"version bench-{number},"


def processes(platform: Platform) -> dict[int, str]:
    """Pid -> role, of the platform's own processes (not of dynos)."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if not any(word.startswith(str(platform.data_dir)) for word in words):
            continue
        role = next((word.removeprefix("haibun.roles.") for word in words if word.startswith("haibun.roles.")), "")
        if role or words[0].endswith("haproxy"):
            found[int(entry.name)] = role or "haproxy"
    return found
