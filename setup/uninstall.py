"""Removes what setup placed outside the checkout. Leaves packages, the user and the platforms' data; says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from setup import checks, system  # noqa: E402 - found by the line above
from setup.say import Stop, step  # noqa: E402


def main() -> None:
    try:
        if os.geteuid() != 0:
            raise Stop("Uninstalling needs root. Run `sudo make uninstall`.")
        stacks()
        link()
        passages()
    except Stop as stop:
        sys.exit(f"uninstall: {stop}")
    names = " ".join(system.listed(system.LIST.read_text()))
    step(f"system packages stay, others may use them. They are: {names}")
    step(f"the user {system.USER} stays, it may own platforms' data. To remove it: userdel {system.USER}")


def stacks(root: Path = checks.STACKS) -> None:
    """Not while dynos run on them."""
    if str(root) in Path("/proc/self/mountinfo").read_text():
        raise Stop(f"Dynos are running on the trees in {root}. Run `haibun down` first.")
    if root.exists():
        shutil.rmtree(root)
        step(f"removed {root}")


def link(at: Path = system.LINK) -> None:
    if at.is_symlink() and os.readlink(at).endswith(".venv/bin/haibun"):
        at.unlink()
        step(f"removed {at}")


def passages() -> None:
    """Take back the right to pass through private folders above the checkout."""
    for folder in [CHECKOUT, *CHECKOUT.parents]:
        remove = ["setfacl", "-x", f"u:{system.USER}", "--", str(folder)]
        subprocess.run(remove, capture_output=True, check=False)


if __name__ == "__main__":
    main()
