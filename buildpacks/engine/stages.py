"""The three scripts of the classic Buildpack API, run by its rules: detect, compile, release; `export` between.

Config vars are never in the environment of a script: it reads them from ENV_DIR.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from engine import release_yaml
from engine.outcome import Exit, Rejected
from engine.packs import Pack
from kit import children, say

# Ours alone; and what a shell adds by itself when it is only asked for its environment.
NOT_FOR_PACKS = ("BUILD_DIR", "CACHE_DIR", "ENV_DIR", "HAIBUN_BUILDPACKS")
OF_THE_SHELL = ("_", "SHLVL", "PWD", "OLDPWD")
DOCS = "docs/reference/buildpacks.md"


class Dirs(NamedTuple):
    """BUILD_DIR, CACHE_DIR, ENV_DIR."""

    build: Path
    cache: Path
    env: Path


def environment(own: dict[str, str]) -> dict[str, str]:
    """What the scripts get of the builder's own environment."""
    return {name: value for name, value in own.items() if name not in NOT_FOR_PACKS}


def detect(pack: Pack, dirs: Dirs, env: dict[str, str]) -> tuple[str | None, str]:
    """(the name it gives the app, or None if the pack does not fit; what it said on standard error)."""
    try:
        done = subprocess.run(
            [pack.script("detect"), dirs.build],
            env=env,
            cwd=dirs.build,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return None, f"bin/detect cannot be started: {error.strerror}"
    if done.returncode:
        return None, (done.stdout + done.stderr).strip("\n")
    return (done.stdout.strip().splitlines() or [pack.reference])[0], done.stderr


def refuse(pack: Pack, said: str) -> Rejected:
    """Say that a pack the app names does not fit; the exception to raise."""
    say.step(f"App not compatible with buildpack: {pack.reference}")
    if said:
        for line in said.splitlines():
            say.line(line)
        say.line()
    say.detail(f"More info: {DOCS}, 'Detection failure'")
    say.line()
    return Rejected(Exit.NOT_COMPATIBLE)


def compile_app(pack: Pack, language: str, dirs: Dirs, env: dict[str, str]) -> None:
    """Run bin/compile, its output as it comes; Rejected if it fails."""
    code = children.stream(
        [str(pack.script("compile")), str(dirs.build), str(dirs.cache), str(dirs.env)], env=env, cwd=dirs.build
    )
    if code:
        if code == 128 + 9:
            say.problem(["bin/compile was killed: most likely the build ran out of memory."])
        raise Rejected(Exit.COMPILE_FAILED, f"Push rejected, failed to compile {language} app.")


def exported(pack: Pack, env: dict[str, str]) -> dict[str, str]:
    """The environment for the next pack: this one's `export` file sourced by bash, if it wrote one."""
    file = pack.home / "export"
    if not file.is_file():
        return env
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", '. "$1" >/dev/null; exec env -0', "bash", str(file)],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise Rejected(Exit.COMPILE_FAILED, f"The 'export' of the buildpack {pack.reference} cannot be sourced.")
    pairs = (os.fsdecode(one).partition("=") for one in done.stdout.split(b"\0") if one)
    return {name: value for name, _, value in pairs if name not in OF_THE_SHELL or name in env}


def release(pack: Pack, language: str, dirs: Dirs, env: dict[str, str]) -> release_yaml.Released:
    """What bin/release says; a pack without one says nothing. Rejected if it fails or makes no sense."""
    script = pack.script("release")
    if not script.is_file():
        return release_yaml.nothing()
    try:
        done = subprocess.run(
            [script, dirs.build],
            env=env,
            cwd=dirs.build,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(f"it ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-300:]}")
        return release_yaml.parse(done.stdout.decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        raise Rejected(
            Exit.RELEASE_FAILED,
            f"Push rejected, bin/release of the {language} buildpack failed.",
            f"Reason: {error}",
        ) from None
