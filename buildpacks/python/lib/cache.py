"""What is kept between builds: the finished venv, and what it was made of. All in CACHE_DIR/python.

The venv is installed inside the cache, where uv can link its files instead of copying them, and copied into the
build dir once it is whole. `state.json` is written last and removed first: a build that dies leaves no half truth.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from pathlib import Path
from typing import NamedTuple

from kit import copying
from python.lib.interpreters import Interpreter
from python.lib.managers import Manager

FORMAT = 1
INCLUDE = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]*(?P<file>[^\s#]+)")
FILES = {
    Manager.PIP: ("requirements.txt",),
    Manager.PIPENV: ("Pipfile", "Pipfile.lock"),
    Manager.POETRY: ("pyproject.toml", "poetry.lock", "poetry.toml"),
    Manager.UV: ("pyproject.toml", "uv.lock", "uv.toml"),
}


class State(NamedTuple):
    """What the cached venv was made of. `files`: name -> SHA-256. `local`: something was installed from the
    app's own tree, so that an unchanged list of requirements does not mean an unchanged venv."""

    stack: str
    version: str
    manager: str
    managed: bool
    files: dict[str, str]
    indexes: str
    local: bool = False
    format: int = FORMAT


class Copy(threading.Thread):
    """A tree being copied. join() waits, and raises what went wrong."""

    def __init__(self, source: Path, target: Path) -> None:
        super().__init__()
        self.source, self.target = str(source), str(target)
        self.error: OSError | None = None

    def run(self) -> None:
        try:
            copying.tree(self.source, self.target)
        except OSError as error:
            self.error = error

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        if self.error is not None:
            raise self.error


class Cache:
    """CACHE_DIR/python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = folder / "venv"
        self.making = folder / "venv.new"
        self.tools = folder / "tools"
        self.uv = folder / "uv"

    def load(self) -> State | None:
        """The state of the cached venv; None if there is none that is whole."""
        try:
            state = State(**json.loads((self.folder / "state.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return state if state.format == FORMAT and self.venv.is_dir() else None

    def begin(self, *, keep: bool) -> Path:
        """The folder to install into: the cached venv itself if `keep`, else a fresh and empty one."""
        (self.folder / "state.json").unlink(missing_ok=True)
        shutil.rmtree(self.making, ignore_errors=True)
        if keep:
            self.venv.rename(self.making)
        else:
            shutil.rmtree(self.venv, ignore_errors=True)
            self.making.mkdir(parents=True)
        return self.making

    def finish(self, state: State) -> None:
        """What was installed is the cached venv from now on."""
        self.making.rename(self.venv)
        new = self.folder / "state.json.new"
        new.write_text(json.dumps(state._asdict()))
        new.rename(self.folder / "state.json")

    def restoring(self, target: Path) -> Copy:
        """Begin to copy the cached venv to `target`. Another mount, so no links; times stay, for the bytecode."""
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = Copy(self.venv, target)
        copy.start()
        return copy


def wanted(build_dir: Path, stack: str, interpreter: Interpreter, manager: Manager, env: dict[str, str]) -> State:
    """The state a venv for this source would have (but for `local`, which only its making shows)."""
    files: dict[str, str] = {}
    for name in FILES[manager]:
        _digest(build_dir, name, files, follow=manager is Manager.PIP)
    # Hashed, since an index's address may hold a password.
    addresses = "\n".join(env.get(name, "") for name in ("UV_DEFAULT_INDEX", "UV_INDEX"))
    indexes = hashlib.sha256(addresses.encode()).hexdigest()
    return State(stack, interpreter.version, manager.title, interpreter.managed is not None, files, indexes)


def _digest(build_dir: Path, name: str, files: dict[str, str], *, follow: bool) -> None:
    """Add the file `name`, and those it includes by -r and -c."""
    path = build_dir / name
    if name in files or not path.is_file():
        return
    raw = path.read_bytes()
    files[name] = hashlib.sha256(raw).hexdigest()
    if follow:
        for line in raw.decode("utf-8", "replace").splitlines():
            if match := INCLUDE.match(line):
                _digest(build_dir, os.path.normpath(Path(name).parent / match["file"]), files, follow=True)


def differences(old: State, new: State) -> list[str]:
    """Why the cached venv cannot be used for `new`, in words. Empty: it can."""
    reasons = []
    if old.stack != new.stack:
        reasons.append(f"The stack has changed from {old.stack} to {new.stack}")
    if (old.version, old.managed) != (new.version, new.managed):
        reasons.append(f"The Python version has changed from {old.version} to {new.version}")
    if old.manager != new.manager:
        reasons.append(f"The package manager has changed from {old.manager} to {new.manager}")
    elif old.files != new.files:
        changed = sorted(name for name in {*old.files, *new.files} if old.files.get(name) != new.files.get(name))
        reasons.append(f"The contents of {', '.join(changed)} changed")
    if old.indexes != new.indexes:
        reasons.append("The package index has changed")
    return reasons
