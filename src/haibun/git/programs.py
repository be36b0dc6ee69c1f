"""The git program: where its hook and settings are, and what it may see.

Owns `<data>/hooks`: the hook, git's settings, an empty home. Never hands git the platform's own environment.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from haibun.blobs.sources import LIMIT_BYTES
from haibun.core.layout import Layout
from haibun.git import hook
from haibun.git.processes import Process, start

# Old repositories carry small sins in their history; what could harm a checkout (.git names, odd
# .gitmodules) stays an error.
LENIENT = (
    "missingSpaceBeforeDate badTimezone zeroPaddedDate badDate badDateOverflow missingEmail "
    "missingNameBeforeEmail missingSpaceBeforeEmail badEmail badName zeroPaddedFilemode badParentSha1"
).split()

SETTINGS = """\
# Written by Haibun; the platform's git reads this and no other settings.
[init]
	defaultBranch = main
[safe]
	directory = *
[protocol]
	allow = never
[core]
	hooksPath = {hooks}
	bigFileThreshold = 8m
[tar]
	umask = 0022
[pack]
	threads = 1
	windowMemory = 64m
[gc]
	auto = 2000
	autoDetach = false
[transfer]
	hideRefs = refs/haibun
	fsckObjects = true
[receive]
	autogc = false
	shallowUpdate = true
	denyDeletes = false
	denyNonFastForwards = false
	maxInputSize = {limit}
	keepAlive = 5
[receive "fsck"]
{lenient}
"""


@dataclass(frozen=True)
class Git:
    """A git program that is ready to be started: its path and the environment it gets."""

    program: str
    env: dict[str, str]

    async def start(
        self,
        *argv: str,
        stdin: bool = False,
        stdout: IO[bytes] | None = None,
        env: dict[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> Process:
        """Start `git <argv>`; see processes.start()."""
        return await start(
            [self.program, *argv], self.env | (env or {}), stdin=stdin, stdout=stdout, pass_fds=pass_fds
        )


def prepare(layout: Layout) -> Git:
    """Write the hook and the settings if they are not as they should be. Safe to call at every start."""
    hooks = layout.data / "hooks"
    home = hooks / "home"
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    _write(hooks / "pre-receive", _shebang() + Path(hook.__file__).read_text(), 0o755)
    lenient = "".join(f"\t{name} = ignore\n" for name in LENIENT)
    settings = SETTINGS.format(hooks=_quoted(hooks), limit=LIMIT_BYTES, lenient=lenient)
    _write(hooks / "gitconfig", settings, 0o644)
    program = shutil.which("git")
    if program is None:
        raise RuntimeError(
            "The git program is not installed. Install it (the package is called git) and start again."
        )
    env = {
        "PATH": os.pathsep.join((str(Path(program).parent), os.defpath)),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(hooks / "gitconfig"),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
    }
    return Git(program, env)


def _shebang() -> str:
    # The interpreter itself, not the virtual environment's link: nothing of it is needed, and it starts sooner.
    python = os.path.realpath(sys.executable)
    if len(python) > 100 or any(c.isspace() for c in python):
        raise RuntimeError(f"Python's own path ({python}) is too long or has blanks: a hook cannot name it.")
    return f"#!{python} -IS\n"


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _write(path: Path, text: str, mode: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.read_text() == text:
            return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.chmod(mode)
    draft.rename(path)
