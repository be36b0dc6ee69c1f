"""What a stack is made of, read from <name>.toml, and the stamp that says whether a tree is up to date.

Pure but for reading the repository's own files. It never looks at the host or builds anything.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = re.compile(r"[a-z][a-z0-9-]*\Z")
SHAPING = ("bootstrap.py", "finish.py")  # the parts of the builder that a tree depends on
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+\Z")


class BadRecipe(Exception):
    """The recipe cannot be used; the text says which and why."""


@dataclass(frozen=True)
class Recipe:
    """One stack. `build` comes on top of `run`. `security`: the suite has -updates and -security beside it."""

    name: str
    description: str
    suite: str
    security: bool
    run: tuple[str, ...]
    build: tuple[str, ...]


def names(folder: Path = HERE) -> list[str]:
    """Every stack there is a recipe of."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(name: str, folder: Path = HERE) -> Recipe:
    """The recipe of a stack. Raises BadRecipe."""
    path = folder / f"{name}.toml"
    if not NAME.match(name) or not path.is_file():
        raise BadRecipe(f"There is no stack {name!r}. There are: {', '.join(names(folder))}.")
    try:
        raw = tomllib.loads(path.read_text())
        return Recipe(
            name=name,
            description=str(raw["description"]),
            suite=str(raw["suite"]),
            security=bool(raw["security"]),
            run=_packages(raw["run"]["packages"]),
            build=_packages(raw["build"]["packages"]),
        )
    except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        raise BadRecipe(f"The recipe {path} cannot be read: {error}.") from error


def _packages(text: str) -> tuple[str, ...]:
    """Package names, checked: they end in a command line."""
    found = tuple(text.split())
    for package in found:
        if not PACKAGE.match(package):
            raise ValueError(f"{package!r} is not a package name")
    return found


def stamp(recipe: Recipe, variant: str, folder: Path = HERE, lock: Path | None = None) -> str:
    """A hash that changes when the tree has to be made again: recipe, builder and, for build, the pinned uv."""
    digest = hashlib.sha256(f"{recipe.suite}\n{variant}\n".encode())
    for path in [folder / f"{recipe.name}.toml", *(HERE / name for name in SHAPING)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    if variant == "build":
        digest.update(pinned_uv(lock or HERE.parent / "requirements.lock").encode())
    return digest.hexdigest()


def pinned_uv(lock: Path) -> str:
    """The version of uv that the lock pins. Raises BadRecipe."""
    pinned = re.search(r"^uv==(\S+)", lock.read_text(), re.MULTILINE)
    if pinned is None:
        raise BadRecipe(f"{lock} does not pin uv, which the build variant carries. Run `make lock`.")
    return pinned[1]
