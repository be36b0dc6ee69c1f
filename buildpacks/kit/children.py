"""Runs programs for a build: argv lists, no shell, no standard input, output as it comes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kit import say

MAX_KEPT_LINES = 400


def stream(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> int:
    """Run with our own standard output for both of its streams; the exit code (128 + signal if killed)."""
    try:
        code = subprocess.call(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    except OSError as error:
        say.problem([f"{os.fspath(argv[0])} cannot be started: {error.strerror}"])
        return 126
    return code if code >= 0 else 128 - code


def indented(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    keep: Callable[[str], bool] = lambda _: True,
) -> tuple[int, list[str]]:
    """Run with each line of output indented as a detail; (exit code, the last lines).

    `keep` says which lines are shown; all are returned.
    """
    seen: list[str] = []
    with subprocess.Popen(
        argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as child:
        assert child.stdout is not None
        for raw in child.stdout:
            text = raw.decode("utf-8", "replace").rstrip("\r\n")
            seen.append(text)
            del seen[:-MAX_KEPT_LINES]
            if keep(text):
                say.line((say.INDENT + text).rstrip())
    code = child.returncode
    return (code if code >= 0 else 128 - code), seen


def quiet(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> tuple[int, str]:
    """Run silently; (exit code, standard output and error together)."""
    done = subprocess.run(
        argv,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")
