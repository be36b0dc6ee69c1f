"""Turns a Debian tree into a dyno's root: the user, the empty mount points, plain files in /etc, no caches.

Touches nothing outside the tree it is given.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

UID = 1000
USER = "dyno"
# Written, not made with useradd: a minimal tree has none.
ACCOUNT = {
    "passwd": f"{USER}:x:{UID}:{UID}::/app:/bin/bash\n",
    "group": f"{USER}:x:{UID}:\n",
    "shadow": f"{USER}:!:19000:0:99999:7:::\n",
    "gshadow": f"{USER}:!::\n",
}
EMPTY_DIRS = ("app", "cache", "env", "result", "haibun")
LOCALE = "en_US"
CACHES = (
    "var/lib/apt/lists",
    "var/cache/apt",
    "var/cache/debconf",
    "var/cache/ldconfig",
    "var/log",
    "tmp",
    "run",
)
LEFT_BY_BUILD = ("etc/apt/apt.conf.d/99mmdebstrap", "etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/machine-id")
ETC = {
    "hostname": "dyno\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
    "resolv.conf": "",
}


def run(tree: Path, stack: str) -> None:
    """What every variant has; done on the run tree, which the build tree is a copy of."""
    _inside(tree, "localedef", "-i", LOCALE, "-f", "UTF-8", f"{LOCALE}.UTF-8")
    _empty(tree / "usr/share/i18n")  # 17 MB of sources that only localedef reads
    for name, line in ACCOUNT.items():
        with (tree / "etc" / name).open("a") as file:
            file.write(line)
    for name in EMPTY_DIRS:
        (tree / name).mkdir(mode=0o755)
    os.chown(tree / "app", UID, UID)
    (tree / "source.tar").touch(0o644)
    (tree / "etc" / "haibun-stack").write_text(f"{stack}\n")
    clean(tree)


def build(tree: Path, uv: Path) -> None:
    """What the build variant has beside its packages."""
    target = tree / "usr/local/bin/uv"
    shutil.copyfile(uv, target)
    target.chmod(0o755)
    clean(tree)


def clean(tree: Path) -> None:
    """Caches and what the building left out; plain files in /etc where the runtime mounts its own."""
    for name in CACHES:
        _empty(tree / name)
    for name in LEFT_BY_BUILD:
        (tree / name).unlink(missing_ok=True)
    for name, text in ETC.items():
        path = tree / "etc" / name
        path.unlink(missing_ok=True)  # may be a link that leads out of the tree
        path.write_text(text)
        path.chmod(0o644)
    for name in ("tmp", "var/tmp"):
        (tree / name).chmod(0o1777)
    tree.chmod(0o755)


def _empty(folder: Path) -> None:
    """Delete what is in a folder and keep the folder: packages expect it."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _inside(tree: Path, *argv: str) -> None:
    subprocess.run(
        ["chroot", str(tree), *argv],
        check=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
    )
