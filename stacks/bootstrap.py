"""Runs mmdebstrap: a fresh tree, or more packages on top of one. Says in a sentence why it failed.

It never decides what belongs into a tree (recipe.py) nor where trees are kept (build.py).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from stacks import host
from stacks.recipe import Recipe

EXCLUDED = (
    *(f"/usr/share/{name}/*" for name in ("man", "doc", "info", "lintian", "locale")),
    "/usr/lib/*/libpython3*.a",  # 25 MB each, for who links Python into a program of theirs
    "/usr/lib/python3*/config-*/libpython3*.a",
)
INCLUDED = ("/usr/share/doc/*/copyright", "/usr/share/locale/locale.alias")
TAIL_LINES = 25

REASONS = (
    (
        r"is not valid yet",
        "The Debian mirror's files are dated in the future: this machine's clock is wrong. Set it.",
    ),
    (
        r"NO_PUBKEY|Missing key|not signed|couldn't be verified|verification failed",
        "The Debian archive's signature could not be checked. Update the package debian-archive-keyring, or name a"
        " keyring with HAIBUN_DEBIAN_KEYRING=/path/to/keyring.gpg.",
    ),
    (r"[Nn]o space left", "The disk is full. Free about 6 GB under /var/lib/haibun, then try again."),
    (
        r"certificate",
        "The mirror's TLS certificate is not trusted. Name your CA in apt.conf: Acquire::https::CaInfo.",
    ),
    (
        r"Could not (resolve|connect)|Connection (refused|timed out)|Failed to fetch|Unable to connect",
        "The Debian mirror could not be reached, or lacks the suite. Check the network and apt's proxy, or name"
        " another mirror with HAIBUN_DEBIAN_MIRROR.",
    ),
    (
        r"Unable to locate package|has no installation candidate",
        "The suite no longer has a package that the recipe names.",
    ),
)


class BuildFailed(Exception):
    """mmdebstrap could not make the tree; the text is for the operator."""


def fresh(recipe: Recipe, tree: Path, log: Path) -> None:
    """The run variant: Debian's essential packages, apt, and what the recipe lists."""
    include = ",".join(recipe.run)
    _mmdebstrap(recipe, ["--variant=apt", f"--include={include}"], tree, log)


def extend(recipe: Recipe, base: Path, tree: Path, log: Path) -> None:
    """The build variant: a copy of the run variant with more packages. `base` stays as it is."""
    install = ["apt-get", "--yes", "-oDPkg::Chroot-Directory=@", "install", "--", *recipe.build]
    # mmdebstrap gives the tree's path to a hook as $1.
    command = shlex.join(install).replace("@", '"$1"')
    options = [
        "--variant=custom",
        f'--setup-hook=cp -a --reflink=auto -- {shlex.quote(str(base))}/. "$1"/',
        f'--customize-hook=APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" {command}',
    ]
    _mmdebstrap(recipe, options, tree, log)


def _mmdebstrap(recipe: Recipe, options: list[str], tree: Path, log: Path) -> None:
    """Run it; once more with Valid-Until off if only a mirror's date is in the way. Raises BuildFailed."""
    strict = host.check_valid_until()
    said = _once(recipe, options, tree, log, strict)
    if said is not None and strict and re.search(r"Release file .* is expired", said):
        print(
            "  The mirror's Release file is past its Valid-Until date: the mirror lags. Going on with what it has;"
            " signatures are still checked.",
            flush=True,
        )
        shutil.rmtree(tree)  # mmdebstrap wants it empty
        said = _once(recipe, options, tree, log, strict=False)
    if said is not None:
        raise BuildFailed(explain(said))


def _once(recipe: Recipe, options: list[str], tree: Path, log: Path, strict: bool) -> str | None:
    """None if it worked, else what mmdebstrap said."""
    settings = [*host.apt_settings(), "APT::Install-Recommends false;"]
    if not strict:
        settings.append('Acquire::Check-Valid-Until "false";')
    argv = ["mmdebstrap", "--mode=root", "--format=directory", "--components=main", *options]
    argv += [f"--aptopt={line}" for line in settings]
    argv += ["--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude={glob}" for glob in EXCLUDED)]
    argv += [f"--dpkgopt=path-include={glob}" for glob in INCLUDED]
    keyring = os.environ.get("HAIBUN_DEBIAN_KEYRING")
    argv += [f"--keyring={keyring}"] if keyring else []
    argv += [recipe.suite, str(tree), *archives(recipe, _mirrors())]
    with log.open("wb") as output:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    return None if done.returncode == 0 else log.read_text(errors="replace")


def _mirrors() -> host.Mirrors:
    return host.mirrors(Path("/etc/apt"), Path("/etc/os-release"), os.environ)


def archives(recipe: Recipe, mirrors: host.Mirrors) -> list[str]:
    """Lines of sources.list; none where the host has no Debian mirror: mmdebstrap knows its own."""
    if mirrors.main is None:
        return []
    lines = [f"deb {mirrors.main} {recipe.suite} main"]
    if recipe.security:
        lines.append(f"deb {mirrors.main} {recipe.suite}-updates main")
        if mirrors.security:
            lines.append(f"deb {mirrors.security} {recipe.suite}-security main")
    return lines


def explain(said: str) -> str:
    """One sentence for the operator, then the end of what mmdebstrap said."""
    sentence = next((text for pattern, text in REASONS if re.search(pattern, said)), "mmdebstrap failed.")
    tail = "\n".join(f"    {line}" for line in said.strip().splitlines()[-TAIL_LINES:])
    return f"{sentence}\n  The end of its output:\n{tail}"
