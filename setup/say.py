"""How setup speaks and starts programs: a line per step, one clear sentence when it cannot go on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TAIL_LINES = 15


class Stop(Exception):
    """Setup cannot go on; the text says what happened, why, and what to do."""


def step(text: str) -> None:
    """One line of progress."""
    print(f"- {text}", flush=True)


def run(argv: Sequence[str], otherwise: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a program quietly and return its output. If it fails, raise Stop: `otherwise`, then the output's end."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError as error:
        raise Stop(f"{otherwise} The program {argv[0]} is missing.") from error
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in done.stdout.strip().splitlines()[-TAIL_LINES:])
        raise Stop(f"{otherwise}\n  {argv[0]} said:\n{tail}")
    return done.stdout
