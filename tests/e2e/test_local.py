"""`haibun local` and the stock CLI's `heroku local`, side by side in the same folder."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.platform import HAIBUN, HEROKU

pytestmark = [pytest.mark.root, pytest.mark.e2e]
STAMPED = re.compile(r"^\d{1,2}:\d\d:\d\d.[AP]M (\S+) *\|  (.*)$")
ENV = """\
# what a newcomer writes
PLAIN=1
SPACED = around
QUOTED="two words" # and why
SINGLE='say "hi" # no comment'
HASH=a#b
URL=postgres://u:p@h:5432/db?sslmode=disable&x=1
DOLLAR=$HOME
ESCAPED="a\\nb"
EURO=€uro
"""
NAMES = "PLAIN SPACED QUOTED SINGLE HASH URL DOLLAR ESCAPED EURO PORT FOREMAN_WORKER_NAME".split()
# One write: the stock CLI takes the pieces of a line that come one by one for lines.
LINES = "[f'{k} {os.environ.get(k)!r}' for k in '" + " ".join(NAMES) + "'.split()]"
SHOW = f"python3 -c \"import os; os.write(1, '\\n'.join({LINES}).encode() + b'\\n')\""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text(ENV)
    types = f"web: {SHOW}; exec sleep 1\nworker: {SHOW}; exec sleep 30\nrelease: echo never\n"
    (tmp_path / "Procfile").write_text(types)
    return tmp_path


def both(folder: Path, *words: str) -> list[subprocess.CompletedProcess[str]]:
    assert (HEROKU / "heroku").exists(), "The stock CLI is missing. Install it with: make heroku-cli"
    env = {key: value for key, value in os.environ.items() if not key.startswith(("HEROKU_", "HAIBUN_"))}
    env.pop("PORT", None)
    env |= {
        "HOME": str(folder), "DISABLE_TELEMETRY": "true", "HEROKU_SKIP_NEW_VERSION_CHECK": "true",
        "HEROKU_DISABLE_AUTOUPDATE": "1", "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip
    return [
        subprocess.run([program, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
        for program in (HAIBUN, HEROKU / "heroku")
    ]


def said(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    found = [match.groups() for line in done.stdout.splitlines() if (match := STAMPED.match(line))]
    return sorted((name, text) for name, text in found)


@pytest.mark.parametrize("words", [[], ["web"], ["web=2"], ["worker=1,web=1"], ["-p", "7000"]])
def test_the_same_processes_with_the_same_variables(folder: Path, words: list[str]) -> None:
    ours, theirs = both(folder, "local", *words)
    assert said(ours) == said(theirs)
    assert len(said(ours)) >= len(NAMES)
    assert ours.returncode == theirs.returncode == 0
    for done in (ours, theirs):
        assert "[OKAY] Loaded ENV .env File as KEY=VALUE Format" in done.stdout
        assert "[DONE] Killing all processes with signal  SIGINT" in done.stdout


def test_json_is_read_alike(folder: Path) -> None:
    (folder / ".env").write_text('{"plain": "it\'s \\"€\\"\\nnext", "quoted": {"x": 1}}')
    ours, theirs = both(folder, "local", "web")
    assert said(ours) == said(theirs)


def test_run_alike(folder: Path) -> None:
    ours, theirs = both(folder, "local:run", "--", "sh", "-c", 'echo "$QUOTED"; exit 4')
    assert ours.stdout == theirs.stdout
    assert ours.returncode == 4
    # The stock CLI takes the flags of the command for its own unless there is a second `--`.
    assert theirs.returncode in (2, 4)


def test_no_procfile(folder: Path) -> None:
    (folder / "Procfile").unlink()
    ours, theirs = both(folder, "local")
    for done in (ours, theirs):
        assert done.returncode != 0
        assert "No Procfile found." in done.stderr
