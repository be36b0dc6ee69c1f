"""Poetry and Pipenv, which read lockfiles that uv does not: each in a venv in the cache, never in the slug."""

from __future__ import annotations

import shutil
from pathlib import Path

from kit import children, say
from kit.say import BuildError
from python.lib.interpreters import Interpreter

VERSIONS = {"poetry": "2.5.1", "pipenv": "2026.10.3"}
BESIDE = {"poetry": ("poetry-plugin-pypi-mirror==0.6.5",), "pipenv": ()}


def install(name: str, folder: Path, interpreter: Interpreter, env: dict[str, str]) -> Path:
    """The program, installed by uv unless the cache has it. BuildError if it cannot be had."""
    title, version = name.capitalize(), VERSIONS[name]
    home = folder / f"{name}-{version}-{interpreter.version}"
    done = home / ".whole"
    if done.exists():
        say.step(f"Using cached {title} {version}")
        return home / "bin" / name
    say.step(f"Installing {title} {version}")
    for old in folder.glob(f"{name}-*"):
        shutil.rmtree(old)
    home.parent.mkdir(parents=True, exist_ok=True)
    managed = interpreter.managed
    python = managed / "bin" / f"python{interpreter.major}" if managed else interpreter.path
    uv_pip = ["uv", "pip", "install", "--quiet", "--python", str(home / "bin" / "python")]
    for argv in (
        ["uv", "venv", "--quiet", "--python", str(python), str(home)],
        [*uv_pip, f"{name}=={version}", *BESIDE[name]],
    ):
        code, out = children.quiet(argv, env=env)
        if code:
            say.detail(out)
            raise BuildError(
                f"Unable to install {title}.",
                "The package index did not give it; see above. This may pass: push again.",
                "Where the platform uses an index of its own, that index must have it.",
            )
    done.touch()
    return home / "bin" / name
