"""Finds the interpreter for a version: the stack's own if it fits, else one that uv downloads into the cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from kit import children, copying, say
from kit.say import BuildError
from python.lib.versions import DEFAULT, Asked

STACK_BIN = Path("/usr/bin")


class Interpreter(NamedTuple):
    """`version`: 3.N.P; `path`: what bin/python of the venv points at; `managed`: uv's folder of it, or None."""

    version: str
    path: Path
    managed: Path | None = None

    @property
    def major(self) -> str:
        return self.version.rpartition(".")[0]


def stack_version(major: str) -> str | None:
    """The full version of the stack's python3.N, None if it has none."""
    path = STACK_BIN / f"python{major}"
    if not path.exists():
        return None
    if os.path.realpath(path) == os.path.realpath(sys.executable):
        return ".".join(map(str, sys.version_info[:3]))
    code, out = children.quiet([str(path), "-ISV"], env={})
    return out.split()[1] if code == 0 and len(out.split()) > 1 else None


def find(asked: Asked, tools: Path, app: Path, env: dict[str, str]) -> Interpreter:
    """The interpreter for `asked`. `tools`: folder in the cache for downloaded ones; `app`: /app."""
    version = stack_version(asked.major)
    if version is not None and (not asked.exact or asked.version == version):
        return Interpreter(version, STACK_BIN / f"python{asked.major}")
    return _managed(asked, version, tools / "interpreters", app, env)


def _managed(asked: Asked, stack: str | None, folder: Path, app: Path, env: dict[str, str]) -> Interpreter:
    """Download by uv, unless the cache has it. At run time it is at /app/.heroku/python-runtime."""
    env = {**env, "UV_PYTHON_INSTALL_DIR": str(folder), "UV_PYTHON_INSTALL_BIN": "0"}
    find_it = ["uv", "python", "find", "--managed-python", "--no-python-downloads", asked.version]
    code, out = children.quiet(find_it, env=env)
    if code:
        say.step(f"Downloading Python {asked.version}")
        env.setdefault("UV_HTTP_RETRIES", "1")
        code, out = children.quiet(["uv", "python", "install", "--no-progress", asked.version], env=env)
        if code == 0:
            code, out = children.quiet(find_it, env=env)
        if code:
            raise _unavailable(asked, stack, out)
    binary = Path(out.strip().splitlines()[-1])
    home = Path(os.path.realpath(binary)).parents[1]
    version = children.quiet([str(binary), "-ISV"], env={})[1].split()[1]
    return Interpreter(version, app / ".heroku" / "python-runtime" / "bin" / f"python{asked.major}", home)


def _unavailable(asked: Asked, stack: str | None, out: str) -> BuildError:
    reason = [line.strip() for line in out.splitlines() if line.strip()][-3:]
    have = _majors()
    instead = asked.major if stack else default_major(DEFAULT)
    why = f"The stack has Python {stack}" if stack else f"The stack has Python {', '.join(have)}"
    return BuildError(
        f"Python {asked.version} is not part of the stack and could not be downloaded.",
        f"{why}; any other version is downloaded by uv, which said:",
        *(f"  {line[:160]}" for line in reason),
        "",
        f"Ask for {instead} instead of {asked.version} in your .python-version file.",
        f"If it must be {asked.version}: the operator of this platform can let builds reach a mirror,",
        "with UV_PYTHON_INSTALL_MIRROR.",
    )


def place_runtime(interpreter: Interpreter, build_dir: Path) -> None:
    """Copy a downloaded interpreter into the slug."""
    if interpreter.managed is not None:
        target = build_dir / ".heroku" / "python-runtime"
        target.parent.mkdir(exist_ok=True)
        copying.tree(str(interpreter.managed), str(target))


def default_major(preferred: str) -> str:
    """`preferred` if the stack has it, else the newest one it has, else `preferred` again."""
    have = _majors()
    return preferred if preferred in have or not have else have[-1]


def _majors() -> list[str]:
    """The stack's own 3.N, oldest first."""
    names = (one.name.removeprefix("python") for one in STACK_BIN.glob("python3.*"))
    return sorted((name for name in names if name[2:].isdigit()), key=lambda name: int(name[2:]))
