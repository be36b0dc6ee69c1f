"""Which package manager an app uses: exactly one file says so. Only reads."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from kit.say import BuildError
from python.lib import detection


class Manager(Enum):
    """The file that names it, and how people call it."""

    PIPENV = ("Pipfile.lock", "Pipenv")
    PIP = ("requirements.txt", "pip")
    POETRY = ("poetry.lock", "Poetry")
    UV = ("uv.lock", "uv")

    @property
    def file(self) -> str:
        return self.value[0]

    @property
    def title(self) -> str:
        return self.value[1]


def determine(build_dir: Path) -> Manager:
    """The one there is; BuildError if there is none or more than one."""
    found = [one for one in Manager if (build_dir / one.file).is_file()]
    if len(found) == 1 and not (found[0] is Manager.PIP and _pipfile_alone(build_dir)):
        return found[0]
    if _pipfile_alone(build_dir):
        raise BuildError(
            "No 'Pipfile.lock' found.",
            "There is a 'Pipfile', but not the lockfile that pins the versions of what your app needs.",
            "Run 'pipenv lock', then commit 'Pipfile.lock'. If it is committed already, check that",
            "neither .gitignore nor .slugignore names it.",
        )
    if found:
        raise BuildError(
            "Multiple Python package manager files were found.",
            "Exactly one of them may be in your app, but there are several:",
            "",
            *(f"{one.file} ({one.title})" for one in found),
            "",
            "Decide for one package manager and delete the files of the others.",
        )
    raise _none(build_dir)


def _pipfile_alone(build_dir: Path) -> bool:
    return (build_dir / "Pipfile").is_file() and not (build_dir / "Pipfile.lock").is_file()


def _none(build_dir: Path) -> BuildError:
    for name in detection.MISSPELT:
        if (build_dir / name).is_file():
            return BuildError(
                "The name of your requirements file is not right.",
                f"Your app has a file named {name!r}; the name that is read is 'requirements.txt', exactly.",
                "Rename it (git mv), commit and push again.",
            )
    if (build_dir / "setup.py").is_file():
        return BuildError(
            "A setup.py alone does not say how to install your app.",
            "Add a file named requirements.txt with the one line",
            "  --editable .",
            "or a uv.lock or poetry.lock, then commit and push again.",
        )
    if (build_dir / "pyproject.toml").is_file():
        return BuildError(
            "Your app has a pyproject.toml, but no lockfile.",
            "Run 'uv lock' (or 'poetry lock'), commit the lockfile and push again.",
        )
    return BuildError(
        "Couldn't find any supported Python package manager files.",
        "A Python app has one of requirements.txt, uv.lock, poetry.lock or Pipfile.lock",
        "in the root directory of its source, which now contains:",
        "",
        *detection.listing(str(build_dir)),
        "",
        "If it is in your working copy: check its spelling (case matters), that it is in the root directory,",
        "that it is committed, and that neither .gitignore nor .slugignore names it.",
        "If your app needs no packages, add an empty requirements.txt.",
    )
