"""Bare repositories, one for each app: made on first use, HEAD kept on the branch that builds, swept away.

Owns `<repos>/<app id>.git`. Never runs git: a bare repository is four small files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from haibun.core.errors import NotFound
from haibun.core.layout import Layout
from haibun.git.refs import BUILT
from haibun.kit.ids import is_id

CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"


def path(layout: Layout, app_id: str) -> Path:
    """Where the app's repository is. NotFound if that is no id: nothing else may become a path."""
    if not is_id(app_id):
        raise NotFound("app")
    return layout.repos / f"{app_id}.git"


def ensure(layout: Layout, app_id: str) -> Path:
    """The app's repository, made if there is none. Two makers at once do the same and do no harm."""
    repo = path(layout, app_id)
    if (repo / "HEAD").exists():
        return repo
    layout.repos.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (repo / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(repo / "config", CONFIG)
    _replace(repo / "HEAD", f"ref: {BUILT[0]}\n")  # last: with it the repository is there
    return repo


def point_head(repo: Path) -> None:
    """HEAD to main, or to master where only that exists: what a clone checks out."""
    branch = next((name for name in BUILT if _has(repo, name)), BUILT[0])
    wanted = f"ref: {branch}\n"
    if (repo / "HEAD").read_text() != wanted:
        _replace(repo / "HEAD", wanted)


def sweep(layout: Layout, app_ids: Callable[[], Iterable[str]]) -> list[str]:
    """Delete the repositories of apps that are no more; returns the ids of those deleted.

    `app_ids` gives the ids of all apps. It is asked after the listing: an app made meanwhile keeps its repository.
    """
    try:
        found = [repo for repo in sorted(layout.repos.iterdir()) if is_id(repo.name.removesuffix(".git"))]
    except FileNotFoundError:
        return []
    known = set(app_ids())
    gone = [repo for repo in found if repo.name.removesuffix(".git") not in known]
    for repo in gone:
        shutil.rmtree(repo, ignore_errors=True)
    return [repo.name.removesuffix(".git") for repo in gone]


def _has(repo: Path, ref: str) -> bool:
    if (repo / ref).exists():
        return True
    with contextlib.suppress(FileNotFoundError):
        return f" {ref}\n".encode() in (repo / "packed-refs").read_bytes()
    return False


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
    draft.write_text(text)
    draft.rename(file)
