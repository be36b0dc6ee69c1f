"""Makes .venv: the system's Python, exactly what requirements.lock pins (hashes checked), and Haibun itself.

The system's Python and no other: unprivileged processes must be able to run it, and a version manager's
Python lies in its owner's home.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from setup.say import Stop, run, step

CANDIDATES = (
    "/usr/bin/python3",
    "/usr/bin/python3.14",
    "/usr/bin/python3.13",
    "/usr/bin/python3.12",
    "/usr/bin/python3.11",
)
LEAST = (3, 11)
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")
OFFLINE = (
    "The Python packages could not be installed. Check that pip reaches its package index (network, proxy, CA)."
)


def version(python: str) -> tuple[int, int]:
    """(major, minor) of an interpreter; (0, 0) if there is none."""
    ask = [python, "-I", "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        shown = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return (0, 0)
    return (int(shown[0]), int(shown[1]))


def system_python() -> str | None:
    """The system's Python 3.11 or newer."""
    return next((path for path in CANDIDATES if version(path) >= LEAST), None)


def needed_packages() -> list[str]:
    """System packages that making a venv takes: on Ubuntu 22.04, whose python3 is 3.10, a newer one beside it."""
    python = system_python()
    if python is None:
        return ["python3.11", "python3.11-venv"]
    return ["python3-venv"] if python == CANDIDATES[0] else [f"{Path(python).name}-venv"]


def stamp(checkout: Path, python: str) -> str:
    """Changes when the venv has to be brought up to date."""
    digest = hashlib.sha256(f"{checkout}\n{version(python)}\n".encode())
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((checkout / name).read_bytes())
    return digest.hexdigest()


def ensure(checkout: Path) -> Path:
    """.venv of the checkout, up to date. Raises Stop; a venv that could not be completed is removed again."""
    python = system_python()
    if python is None:
        raise Stop("There is no Python 3.11 or newer in /usr/bin. Install your system's python3 package.")
    venv, mark = checkout / ".venv", checkout / ".venv" / "haibun-setup.stamp"
    wanted = stamp(checkout, python)
    if mark.is_file() and mark.read_text() == wanted and version(str(venv / "bin" / "python")) == version(python):
        step("Python packages: up to date")
        return venv
    fresh = not healthy(venv, python)
    try:
        fill(checkout, venv, python, fresh)
    except BaseException:
        if fresh:
            shutil.rmtree(venv, ignore_errors=True)
        raise
    mark.write_text(wanted)
    return venv


def healthy(venv: Path, python: str) -> bool:
    """Whether what is there can be brought up to date in place."""
    inner = venv / "bin" / "python"
    return (
        (venv / "pyvenv.cfg").is_file()
        and str(venv) in (venv / "pyvenv.cfg").read_text()  # the checkout was not moved since
        and version(str(inner)) == version(python)
        and (inner.resolve() == Path(python).resolve())
    )


def fill(checkout: Path, venv: Path, python: str, fresh: bool) -> None:
    """Create if need be, then uv by pip, everything else by uv, which is many times faster."""
    if fresh:
        step(f"Python packages: making .venv with {python}")
        run([python, "-m", "venv", "--clear", str(venv)], "The Python environment .venv could not be created.")
    inner, lock = str(venv / "bin" / "python"), checkout / "requirements.lock"
    uv = str(venv / "bin" / "uv")
    if pinned(lock.read_text(), "uv").split()[0] != f"uv=={installed_uv(uv)}":
        first = venv / "uv.lock"
        first.write_text(pinned(lock.read_text(), "uv"))
        run([inner, *PIP, "--require-hashes", "--no-deps", "-r", str(first)], OFFLINE)
        first.unlink()
    env = index_settings(inner)
    step("Python packages: installing what requirements.lock pins")
    # Bytecode now: the unprivileged roles cannot write it, and would compile everything anew at every start.
    sync = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes", "--python", inner, str(lock)]
    run(sync, OFFLINE, env)
    run([uv, "pip", "install", "--quiet", "--python", inner, "--no-deps", "-e", str(checkout)], OFFLINE, env)


def pinned(lock: str, name: str) -> str:
    """The lines of a lock file that pin one package, hashes included."""
    found = re.search(rf"^{re.escape(name)}==.*(?:\n    --hash=.*)*", lock, re.M)
    if found is None:
        raise Stop(f"requirements.lock does not pin {name}. Run `make lock`.")
    return found[0] + "\n"


def installed_uv(uv: str) -> str:
    """The version of a uv program; '' if there is none."""
    try:
        return subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    except (OSError, subprocess.CalledProcessError):
        return ""


def index_settings(python: str) -> dict[str, str]:
    """uv does not read pip's settings; a company's index and CA are told to it unless uv has its own."""
    shown = run([python, "-m", "pip", "config", "list"], "pip's settings could not be read.")
    pip = dict(re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", shown, re.M))
    told = {"UV_DEFAULT_INDEX": "index-url", "UV_INDEX": "extra-index-url", "SSL_CERT_FILE": "cert"}
    own = {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"} & set(os.environ)
    env = {ours: pip[theirs] for ours, theirs in told.items() if theirs in pip and ours not in os.environ}
    if own:
        env = {name: value for name, value in env.items() if name == "SSL_CERT_FILE"}
    return {**env, "UV_SYSTEM_CERTS": "1", "UV_NO_PROGRESS": "1"}
