"""Looks whether this machine can be set up, before anything is changed. Loads kernel modules at most."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from setup.say import Stop

MIN_VERSION = {"debian": 12.0, "ubuntu": 22.04}
STACKS = Path("/var/lib/haibun/stacks")
GIB = 1 << 30
STACK_BYTES = 6 * GIB
CHECKOUT_BYTES = 1 * GIB
FILESYSTEMS = ("overlay", "squashfs")


def root() -> None:
    if os.geteuid() != 0:
        raise Stop(
            "Setting up needs root: it installs packages and makes root filesystems. Run `sudo make setup`."
        )


def system(os_release: Path = Path("/etc/os-release")) -> None:
    """Debian 12+ or Ubuntu 22.04+; testing and unstable have no version and are taken as new."""
    facts = (
        dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', os_release.read_text(), re.M)) if os_release.is_file() else {}
    )
    least = MIN_VERSION.get(facts.get("ID", ""))
    if least is None or float(facts.get("VERSION_ID", "99")) < least:
        found = facts.get("PRETTY_NAME", "an unknown system")
        raise Stop(f"Haibun runs on Debian 12 or newer and Ubuntu 22.04 or newer; this is {found}.")


def disk(checkout: Path, stacks: Path = STACKS) -> None:
    """Room for the stack images, if they are still to be made, and for the checkout's own .venv."""
    made = any(stacks.glob("*.build.stamp"))
    for folder, need in ((stacks, GIB if made else STACK_BYTES), (checkout, CHECKOUT_BYTES)):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free
        if free < need:
            raise Stop(
                f"The disk that holds {folder} has {free / GIB:.1f} GB free; setup needs {need // GIB} GB there."
                " Free some space, then run `make setup` again."
            )


def kernel(known: Path = Path("/proc/filesystems")) -> None:
    """Slugs are squashfs images under an overlay; in a container without rights neither can be loaded."""
    for name in FILESYSTEMS:
        if name not in known.read_text().split() and shutil.which("modprobe"):
            subprocess.run(["modprobe", name], capture_output=True, check=False)
        if name not in known.read_text().split():
            raise Stop(
                f"The kernel has no {name} filesystem, which slugs need. Install the module (on Ubuntu: the"
                " package linux-modules-extra of your kernel), or, in a container, load it on the host."
            )


def readable(checkout: Path) -> None:
    """The platform's unprivileged processes run this checkout's code."""
    files = (checkout / "src" / "haibun" / "__init__.py", checkout / "setup" / "__init__.py")
    if not all(path.stat().st_mode & 0o004 for path in files):
        raise Stop(
            f"The files of {checkout} can be read by their owner only, but most of the platform runs as another,"
            f" unprivileged user. Run `chmod -R go+rX {checkout}`, then `make setup` again."
        )
