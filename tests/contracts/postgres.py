"""A PostgreSQL server of the tests' own, from the machine's package: a cluster in a folder, on a unix socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin/initdb", "/usr/local/bin/initdb", "/usr/bin/initdb")


class Missing(Exception):
    """There is no PostgreSQL server on this machine."""


def programs() -> Path:
    """The folder of initdb and postgres. Missing if there is none."""
    for place in PLACES:
        for found in sorted(Path("/").glob(place.removeprefix("/")), reverse=True):
            if (found.parent / "postgres").exists():
                return found.parent
    raise Missing("no PostgreSQL server: install Debian's package `postgresql`")


@contextmanager
def server() -> Iterator[str]:
    """Run a server; yields the URL of its database without a name. It and its files are gone afterwards."""
    bin_dir = programs()
    # A short path: a unix socket's may have 107 bytes. Root must not run PostgreSQL, so another user does.
    folder = Path(tempfile.mkdtemp(prefix="haibun-pg-"))
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    process = None
    try:
        if user:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        initdb = [bin_dir / "initdb", "-D", data, "-U", "haibun", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user)
        options = ["-h", "", "-k", folder, "-F", "-c", "max_connections=40", "-c", "timezone=Asia/Tokyo"]
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [bin_dir / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=folder, **user
            )
        _wait(folder, process)
        yield f"postgresql+psycopg://haibun@/{{name}}?host={folder}"
    finally:
        if process is not None:
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder)


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not (folder / ".s.PGSQL.5432").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((folder / "log").read_text())
        time.sleep(0.05)
