"""The venv at .heroku/python: made by hand, so that every path in it is the one it has in a dyno, /app/…

In the build dyno /app/.heroku/python is a link: to the cache while packages are installed, to the build dir after.
"""

from __future__ import annotations

import os
from pathlib import Path

from python.lib.interpreters import Interpreter

PIP_SHIM = """\
#!/bin/sh
# pip is not in the slug: packages are installed by uv, during a build.
if command -v uv >/dev/null; then exec uv pip "$@"; fi
echo "pip is not installed here: a dyno's files are as its build left them." >&2
echo "Add what you need to requirements.txt and push. (To have pip itself, add the line 'pip'.)" >&2
exit 127
"""


def make(folder: Path, interpreter: Interpreter) -> None:
    """Lay an empty venv into the empty `folder`."""
    (folder / "bin").mkdir()
    site_packages(folder, interpreter).mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(
        f"home = {interpreter.path.parent}\n"
        "include-system-site-packages = false\n"
        f"version = {interpreter.version}\n"
        f"executable = {interpreter.path}\n"
    )
    (folder / "bin" / "python").symlink_to(interpreter.path)
    for name in ("python3", f"python{interpreter.major}"):
        (folder / "bin" / name).symlink_to("python")


def site_packages(folder: Path, interpreter: Interpreter) -> Path:
    return folder / "lib" / f"python{interpreter.major}" / "site-packages"


def point(link: Path, target: Path) -> None:
    """Make `link` a symbolic link to `target`, whatever link it was."""
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def add_pip_shim(folder: Path) -> None:
    """`pip install` in a hook works, by uv; in a dyno it says why not. A real pip, if asked for, stays."""
    for name in ("pip", "pip3"):
        path = folder / "bin" / name
        if not path.exists():
            path.write_text(PIP_SHIM)
            path.chmod(0o755)


def has_local_packages(packages: Path) -> bool:
    """Whether something was installed from a folder, by PEP 610's note of where from."""
    notes = packages.glob("*.dist-info/direct_url.json")
    return any('"file://' in note.read_text("utf-8", "replace") for note in notes)


def rewrite_paths(packages: Path, build_dir: Path, app: Path) -> None:
    """Editable packages name the build dir, which changes; in a dyno the same files are at /app."""
    old, new = os.fsencode(build_dir), os.fsencode(app)
    patterns = ("*.pth", "*.egg-link", "__editable__*.py", "*.dist-info/direct_url.json")
    for path in (one for pattern in patterns for one in packages.glob(pattern)):
        raw = path.read_bytes()
        if old in raw:
            path.write_bytes(raw.replace(old, new))
