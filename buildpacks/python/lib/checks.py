"""What must not be in an app's tree, and what its author should hear of."""

from __future__ import annotations

from pathlib import Path

from kit import say
from kit.say import BuildError
from python.lib.interpreters import Interpreter
from python.lib.versions import DEFAULT, Asked


def not_twice(build_dir: Path, export: Path) -> None:
    """BuildError if this buildpack ran in this build already. `export`: ours; a second run has one of its own."""
    profile = build_dir / ".profile.d" / "python.sh"
    if (
        (build_dir / ".heroku" / "python" / "bin" / "python").is_symlink()
        and profile.exists()
        and not export.exists()
    ):
        raise BuildError(
            "The Python buildpack has already been run this build.",
            "It is more than once in your app's list of buildpacks: remove all but one, with buildpacks:remove.",
        )


def nothing_in_the_way(build_dir: Path) -> None:
    """BuildError if the source has files where the venv goes."""
    folder = build_dir / ".heroku" / "python"
    if folder.exists() or folder.is_symlink():
        raise BuildError(
            "Existing '.heroku/python/' directory found.",
            "This buildpack installs Python there, but your source (or bin/pre_compile) has put files there:",
            "",
            *sorted(str(one.relative_to(build_dir)) for one in folder.glob("*"))[:20],
            "",
            "Delete them: git rm -r --cached .heroku/python, commit and push again.",
        )


def no_venv(build_dir: Path) -> None:
    """BuildError if a virtual environment was committed."""
    for name in (".venv", "venv"):
        if (build_dir / name / "pyvenv.cfg").is_file():
            raise BuildError(
                f"Existing '{name}/' directory found.",
                f"Your source contains a virtual environment, {name}/. It belongs to the machine that made it,",
                "and would hide the packages that are installed here.",
                "",
                f"Delete it from the repository: git rm -r --cached {name}",
                f"Then add the line '{name}/' to .gitignore, commit and push again.",
            )


def warn_about_version(asked: Asked, interpreter: Interpreter) -> None:
    """Say what will not last: a deprecated file, a version near its end, one that nobody asked for."""
    if asked.origin in ("default", "cached"):
        say.warning(
            "No Python version was specified.",
            "The default changes over time, and may not be what you use elsewhere. To decide it yourself,",
            "add a file named .python-version to the root directory with the one line:",
            interpreter.major,
        )
    elif asked.origin == "runtime.txt":
        say.warning(
            "The runtime.txt file is deprecated.",
            "Delete it, and add a file named .python-version to the root directory with the one line:",
            asked.major,
        )
    if asked.major == "3.10":
        say.warning(
            "Support for Python 3.10 is deprecated!",
            "It no longer receives security updates from October 2026 on.",
            f"Ask for {DEFAULT} in your {asked.origin} file.",
        )
