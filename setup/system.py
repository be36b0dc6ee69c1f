"""The machine's side of setup: packages, the unprivileged user, the way to the checkout, the command's link.

Every function changes nothing where there is nothing to do, and says what it did.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from setup.say import Stop, run, step

USER = "haibun"
LINK = Path("/usr/local/bin/haibun")
LIST = Path(__file__).with_name("packages.txt")
OFFLINE = (
    "The package lists could not be fetched, so the missing system packages cannot be installed. Check the network"
    " and apt's sources and proxy: `apt-get update` must work."
)
FAILED = "Some system packages could not be installed (on Ubuntu the component `universe` must be enabled)."
APT = ("apt-get", "--yes", "-oDPkg::Lock::Timeout=600", "-oAPT::Install-Recommends=false")
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def listed(text: str) -> list[str]:
    """The package names of packages.txt."""
    return [name for name in (line.split("#")[0].strip() for line in text.splitlines()) if name]


def missing(names: Iterable[str]) -> list[str]:
    """Those that are not installed."""
    names = list(names)
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names]
    shown = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    there = set(re.findall(r"^(\S+) installed$", shown, re.M))
    return [name for name in names if name not in there]


def packages(extra: Iterable[str] = ()) -> None:
    """Install what packages.txt lists, and `extra`. Raises Stop."""
    wanted = missing([*listed(LIST.read_text()), *extra])
    if not wanted:
        step("system packages: all there")
        return
    step(f"system packages: installing {', '.join(wanted)}")
    run([*APT, "update"], OFFLINE)
    run([*APT, "install", "--", *wanted], FAILED, env=QUIET)
    if "haproxy" in wanted:
        idle_haproxy()


def idle_haproxy() -> None:
    """The package starts a HAProxy of its own; the platform runs its own one, so that one only takes room."""
    if Path("/run/systemd/system").is_dir():
        run(
            ["systemctl", "disable", "--now", "haproxy"],
            "The haproxy service of the package could not be stopped.",
        )
        step("haproxy: the package's own service is off; the platform starts its own")


def user() -> None:
    """The unprivileged user of web, controller, logplex and HAProxy."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        home = ["--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
        run(["useradd", "--system", "--user-group", *home, USER], f"The system user {USER} could not be created.")
        step(f"user: created {USER}")


def reachable(checkout: Path) -> None:
    """Let the user pass through private folders above the checkout: to pass only, not to list or read them."""
    for folder in [*reversed(checkout.parents), checkout]:
        if not enters(folder):
            run(["setfacl", "-m", f"u:{USER}:x", "--", str(folder)], f"{folder} is closed to the user {USER}.")
            step(f"{folder} is private: gave the user {USER} the right to pass through it")
    if not enters(checkout):
        raise Stop(f"The user {USER} cannot reach {checkout}. Move the checkout, for instance to /opt.")


def enters(folder: Path) -> bool:
    """Whether the user may pass through the folder: asked of the kernel, as that user."""
    who = pwd.getpwnam(USER)
    ask = ["test", "-x", str(folder)]
    return subprocess.run(ask, user=who.pw_uid, group=who.pw_gid, extra_groups=[], check=False).returncode == 0


def link(venv: Path, at: Path = LINK) -> None:
    """`haibun` on everybody's PATH; somebody else's file of that name is left alone."""
    target = venv / "bin" / "haibun"
    if at.is_symlink() and os.readlink(at).endswith(".venv/bin/haibun"):
        if os.readlink(at) == str(target):
            return
        at.unlink()
    elif at.is_symlink() or at.exists():
        step(f"{at} exists and is not ours: left alone; use {target}")
        return
    at.symlink_to(target)
    step(f"linked {at} -> {target}")


def node_is_new(least: int = 20) -> bool:
    """Whether there is a Node.js that the Heroku CLI runs on, with npm."""
    if not shutil.which("node") or not shutil.which("npm"):
        return False
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", said)
    return found is not None and int(found[1]) >= least
