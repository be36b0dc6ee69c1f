"""A build dyno and a dyno for tests of the buildpacks: the real stack trees, bare chroots, the real network."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
STACKS = Path(os.environ.get("HAIBUN_STACKS", "/var/lib/haibun/stacks"))
UID = 1000
# How this machine reaches a package index: an operator's setting, so it comes from outside.
PASSED = (
    "SSL_CERT_FILE HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy PIP_INDEX_URL UV_INDEX_URL "
    "UV_DEFAULT_INDEX REQUESTS_CA_BUNDLE"
).split()
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Built:
    """`output`: what the pusher reads; `tree`: BUILD_DIR; `result`: build.json, {} if there is none."""

    code: int
    output: str
    tree: Path
    result: dict[str, Any]
    seconds: float


def start(
    tree: Path, binds: list[tuple[Path, str, bool]], env: dict[str, str], argv: list[str], tmp_dirs: list[str]
) -> subprocess.Popen[bytes]:
    """Start `argv` as uid 1000 in a chroot of `tree`; its end takes all its mounts and children with it."""
    host = [(Path(path), path, False) for path in ("/etc/resolv.conf", "/etc/ssl/certs")]
    wanted = {
        "tree": str(tree),
        "binds": [(str(source), target, writable) for source, target, writable in (*host, *binds)],
        "tmp_dirs": tmp_dirs,
        "env": env,
        "argv": argv,
        "cwd": "/app",
    }
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return subprocess.Popen(
        [*apart, sys.executable, "-I", str(Path(__file__).with_name("inside.py")), json.dumps(wanted)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def tar_of(files: dict[str, str], executable: tuple[str, ...] = ()) -> bytes:
    """An archive like git's of these files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), 0o755 if name in executable else 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    return raw.getvalue()


def tar_of_tree(folder: Path) -> bytes:
    """An archive of a folder's content."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for one in sorted(folder.iterdir()):
            tar.add(one, one.name)
    return raw.getvalue()


class App:
    """One app with its cache. `folder`: empty, on a disk."""

    def __init__(self, folder: Path, stack: str = "debian-14") -> None:
        self.folder, self.stack, self.builds = folder, stack, 0
        folder.chmod(0o755)
        self.cache = self._owned(folder / "cache")

    def _owned(self, path: Path) -> Path:
        path.mkdir()
        os.chown(path, UID, UID)
        return path

    def build(
        self,
        source: bytes,
        config: dict[str, str] | None = None,
        buildpacks: tuple[str, ...] = (),
        extra: dict[str, str] | None = None,
    ) -> Built:
        """Run `build` as the platform would."""
        self.builds += 1
        place = self.folder / f"build-{self.builds}"
        place.mkdir()
        tree, app, result, env_dir = (self._owned(place / name) for name in ("tree", "app", "result", "env"))
        (place / "source.tar").write_bytes(source)
        for name, value in (config or {}).items():
            (env_dir / name).write_text(value)
        build_dir = f"/tmp/build_{self.builds:08x}"
        env = {name: os.environ[name] for name in PASSED if name in os.environ} | {
            "PATH": PATH,
            "HOME": "/app",
            "STACK": self.stack,
            "SOURCE_VERSION": "0" * 40,
            "REQUEST_ID": "test",
            "BUILD_DIR": build_dir,
            "CACHE_DIR": "/cache",
            "ENV_DIR": "/env",
            "HAIBUN_BUILDPACKS": json.dumps(buildpacks),
            **(extra or {}),
        }
        binds = [
            (REPOSITORY / "buildpacks", "/haibun", False),
            (place / "source.tar", "/source.tar", False),
            (env_dir, "/env", False),
            (self.cache, "/cache", True),
            (app, "/app", True),
            (result, "/result", True),
            (tree, build_dir, True),
        ]
        began = time.monotonic()
        builder = ["/usr/bin/python3", "-I", "/haibun/build"]
        child = start(STACKS / f"{self.stack}.build", binds, env, builder, [build_dir])
        output = child.communicate(timeout=280)[0].decode()
        seconds = time.monotonic() - began
        said = result / "build.json"
        return Built(
            child.returncode, output, tree, json.loads(said.read_text()) if said.exists() else {}, seconds
        )

    def run(self, built: Built, command: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start `command` as a dyno would: .profile.d, then bash, with the built tree at /app."""
        script = 'for f in /app/.profile.d/*.sh; do [ -r "$f" ] && . "$f"; done; [ -r .profile ] && . ./.profile; '
        return start(
            STACKS / f"{self.stack}.run",
            [(built.tree, "/app", True)],
            {"PATH": PATH, "HOME": "/app", "DYNO": "run.1", **(env or {})},
            ["/bin/bash", "-c", script + 'eval "$0"', command],
            [],
        )

    def output_of(self, built: Built, command: str, env: dict[str, str] | None = None) -> str:
        """What `command` prints, standard output and error together."""
        return self.run(built, command, env).communicate(timeout=60)[0].decode()
