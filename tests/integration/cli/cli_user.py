"""The CLI as its user starts it: a process in a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = f"""#!{sys.executable}
import sys
from haibun.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


class Cli:
    """`cli("ps", "-a", "x")` runs haibun and gives the finished process. `env`: what differs from an empty one."""

    def __init__(self, home: Path, program: Path) -> None:
        self.program = program
        self.folder = home / "work"
        self.folder.mkdir()
        self.env = {
            "HOME": str(home),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "TZ": "UTC",
            "TERM": "xterm",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        self.hosts_file = home / ".config" / "haibun" / "hosts.json"

    def __call__(self, *words: str, input: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.program), *words],
            input=input,
            env=self.env | env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=30,
        )

    def ok(self, *words: str, input: str = "", **env: str) -> str:
        """stdout of a command that must work."""
        done = self(*words, input=input, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def git(self, *words: str, input: str = "") -> str:
        done = subprocess.run(
            ["git", *words], input=input, env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
