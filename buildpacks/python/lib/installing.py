"""Installs what the app asks for into the venv at /app/.heroku/python, by uv wherever uv can."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kit import children, say
from kit.say import BuildError
from python.lib import tools
from python.lib.interpreters import Interpreter
from python.lib.managers import Manager

TITLES = {
    Manager.PIP: "uv pip install -r requirements.txt",
    Manager.PIPENV: "uv pip install' from 'pipenv requirements --hash",
    Manager.POETRY: "poetry sync --only main",
    Manager.UV: "uv sync --locked --no-default-groups",
}
NOT_FOUND = re.compile(r"Because (?P<name>[A-Za-z0-9._-]+) was not found in the package registry")
NO_VERSION = re.compile(
    r"Because there (?:is|are) no versions? of (?P<what>[A-Za-z0-9._\[\]-]+[^,]*?)(?: and |, )"
)
UNREACHABLE = ("dns error", "Connection refused", "timed out", "tunnel error", "error sending request")
NOISE = (
    "Using Python ",
    "Using CPython ",
    "Skipping virtualenv creation",
    "warning: Requirements file",
    "Checked in ",
)
# setuptools was part of every venv up to 3.11, and a part of what old packages take for granted.
LAST_MINOR_WITH_SETUPTOOLS = 12


class Job(NamedTuple):
    """`venv`: the path that is true at run time; `scratch`: the cache's folder for tools."""

    build_dir: Path
    venv: Path
    scratch: Path
    interpreter: Interpreter
    env: dict[str, str]

    @property
    def python(self) -> str:
        return str(self.venv / "bin" / "python")


def install(manager: Manager, job: Job) -> None:
    """Install; BuildError if it cannot be done. The output is the package manager's own, indented."""
    match manager:
        case Manager.PIP:
            _announce(manager)
            _pip(job, ["-r", "requirements.txt"])
        case Manager.PIPENV:
            _pipenv(job)
        case Manager.POETRY:
            _poetry(job)
        case Manager.UV:
            _announce(manager)
            _run(manager, [*TITLES[manager].split(), "--compile-bytecode", "--no-progress"], job)


def _announce(manager: Manager) -> None:
    say.step(f"Installing dependencies using '{TITLES[manager]}'")


def _pip(job: Job, what: Sequence[str], manager: Manager = Manager.PIP) -> None:
    old = int(job.interpreter.major.split(".")[1]) <= LAST_MINOR_WITH_SETUPTOOLS
    more = ["setuptools"] if old and manager is Manager.PIP else []
    _run(
        manager,
        ["uv", "pip", "install", "--python", job.python, "--no-progress", "--compile-bytecode", *what, *more],
        job,
    )


def _pipenv(job: Job) -> None:
    program = tools.install("pipenv", job.scratch, job.interpreter, job.env)
    env = {**job.env, "PIPENV_IGNORE_VIRTUALENVS": "0", "PIPENV_VERBOSITY": "-1", "PIPENV_NOSPIN": "1"}
    if index := job.env.get("UV_DEFAULT_INDEX"):
        env["PIPENV_PYPI_MIRROR"] = index
    _announce(Manager.PIPENV)
    code, out = children.quiet([str(program), "verify"], env=env, cwd=job.build_dir)
    if code:
        say.detail(out.strip())
        raise BuildError(
            "Pipfile.lock is out of date.",
            "It was not made from the Pipfile that is beside it.",
            "Run 'pipenv lock', commit Pipfile.lock and push again.",
        )
    code, out = children.quiet([str(program), "requirements", "--hash"], env=env, cwd=job.build_dir)
    if code:
        say.detail(out.strip())
        raise BuildError("Pipfile.lock cannot be read.", "Run 'pipenv lock', commit it and push again.")
    # In the build dir, so that relative paths in it mean what they mean in the Pipfile.
    listed = job.build_dir / ".requirements-of-pipenv.txt"
    listed.write_text(out)
    try:
        _pip(job, ["-r", listed.name], Manager.PIPENV)
    finally:
        listed.unlink()


def _poetry(job: Job) -> None:
    program = tools.install("poetry", job.scratch, job.interpreter, job.env)
    env = {**job.env, "POETRY_VIRTUALENVS_CREATE": "false", "POETRY_CACHE_DIR": str(job.scratch / "poetry-cache")}
    if index := job.env.get("UV_DEFAULT_INDEX"):
        env["POETRY_PYPI_MIRROR_URL"] = index
    _announce(Manager.POETRY)
    _run(
        Manager.POETRY,
        [str(program), "sync", "--only", "main", "--compile", "--no-ansi", "--no-interaction"],
        Job(job.build_dir, job.venv, job.scratch, job.interpreter, env),
    )


def _run(manager: Manager, argv: list[str], job: Job) -> None:
    code, seen = children.indented(argv, env=job.env, cwd=job.build_dir, keep=_worth_saying)
    if code:
        raise explain(manager, code, "\n".join(seen))


def _worth_saying(line: str) -> bool:
    """Not what the steps have said already."""
    return not line.startswith(NOISE)


def explain(manager: Manager, code: int, said: str) -> BuildError:
    """The installer's failure in a plain sentence: which name, and what to do. Pure."""
    flat = " ".join(said.split())
    title = f"Unable to install dependencies using {manager.title}."
    if match := NOT_FOUND.search(flat):
        return BuildError(
            title,
            f"There is no package named {match['name']!r} in the package index.",
            f"Check its spelling in {manager.file}. If it is a private package, set the config var",
            "PIP_EXTRA_INDEX_URL to the index that has it.",
        )
    if match := NO_VERSION.search(flat):
        return BuildError(
            title,
            f"The package index has no such version: {match['what']}.",
            f"Ask for one that there is, in {manager.file}, and push again.",
        )
    if manager is Manager.UV and "lockfile" in flat and "needs to be updated" in flat:
        return BuildError(title, "uv.lock does not match pyproject.toml.", "Run 'uv lock', commit and push again.")
    if "poetry.lock" in flat and "poetry lock" in flat:
        return BuildError(
            title, "poetry.lock does not match pyproject.toml.", "Run 'poetry lock', commit and push again."
        )
    if code == 128 + 9:
        return BuildError(title, "The installer was killed: most likely the build ran out of memory.")
    if any(words in flat for words in UNREACHABLE):
        return BuildError(
            title,
            "The package index could not be reached; see the lines above. This may pass: push again.",
            "If it stays: ask the operator of this platform whether builds may reach the index.",
        )
    return BuildError(title, "The lines above say why.")
