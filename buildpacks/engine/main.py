"""One build from beginning to end. Prints what the pusher reads; leaves BUILD_DIR and /result/build.json."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from engine import processes, slugignore, source, stages
from engine.outcome import Exit, Rejected
from engine.packs import Pack, Shelf
from engine.release_yaml import Released, nothing
from kit import config, say

NOT_DETECTED = (
    "No default language could be detected for this app.",
    "HINT: this occurs when no buildpack recognises the files in the root directory of the source.",
)
LOOKED_FOR = {
    "nodejs": "Node.js: package.json",
    "python": "Python: requirements.txt, uv.lock, poetry.lock, Pipfile.lock",
    "static": "Static: index.html, public_html/index.html, static.json",
}


class Settings(NamedTuple):
    """What the build dyno was given."""

    stack: str
    references: list[str]
    dirs: stages.Dirs
    archive: Path
    builtin: Path
    result: Path


def settings(env: dict[str, str], builtin: Path) -> Settings:
    """Read the environment; KeyError or ValueError is a fault of whoever started the build dyno."""
    root = config.root()
    references = json.loads(env.get("HAIBUN_BUILDPACKS") or "[]")
    if not isinstance(references, list) or not all(isinstance(one, str) for one in references):
        raise ValueError("HAIBUN_BUILDPACKS is a JSON list of strings")
    return Settings(
        stack=env["STACK"],
        references=references,
        dirs=stages.Dirs(
            Path(env["BUILD_DIR"]),
            Path(env.get("CACHE_DIR", root / "cache")),
            Path(env.get("ENV_DIR", root / "env")),
        ),
        archive=root / "source.tar",
        builtin=builtin,
        result=root / "result" / "build.json",
    )


def run(env: dict[str, str], builtin: Path) -> Exit:
    """Build; the exit code. What went wrong has been said."""
    wanted = settings(env, builtin)
    try:
        with _alone(wanted.dirs.cache), _workplace() as work:
            result = _build(wanted, Shelf(builtin, work, env), stages.environment(env))
    except Rejected as rejected:
        rejected.show()
        return rejected.code
    wanted.result.write_text(json.dumps(result, indent=1) + "\n")
    return Exit.OK


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One build at a time may use the app's cache."""
    with (cache / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say.step("Waiting for another build of this app to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _workplace() -> Iterator[Path]:
    """An empty folder for this build's buildpacks."""
    work = config.root() / "tmp" / f"buildpacks_{os.getpid()}"
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _build(wanted: Settings, shelf: Shelf, env: dict[str, str]) -> dict[str, object]:
    build_dir = wanted.dirs.build
    say.step(f"Building on the {wanted.stack[:1].upper()}{wanted.stack[1:]} stack")
    source.unpack(wanted.archive, build_dir)
    _ignore(build_dir)
    if wanted.references:
        packs, language, released = _named(wanted, shelf, env)
    else:
        packs, language, released = _detected(wanted, shelf, env)
    declared = processes.read(build_dir)
    processes.announce(declared, released.types)
    types = {**declared, **{name: value for name, value in released.types.items() if name not in declared}}
    if not types:
        processes.warn_idle(build_dir, language)
    return {
        "buildpack_provided_description": language,
        "buildpacks": [one.reference for one in packs],
        "process_types": types,
        "procfile_types": list(declared),
        "default_types": list(released.types),
        "addons": released.addons,
        "stack": wanted.stack,
    }


def _ignore(build_dir: Path) -> None:
    file = build_dir / ".slugignore"
    if file.is_file():
        removed = slugignore.apply(build_dir, slugignore.parse(file.read_text("utf-8", "replace")))
        if removed:
            say.step(f"Deleting {removed} files matching .slugignore patterns.")


def _named(wanted: Settings, shelf: Shelf, env: dict[str, str]) -> tuple[list[Pack], str, Released]:
    """The app's own list, each in turn on what the one before left. The last one decides the rest."""
    if len(wanted.references) == 1:
        say.step(f"Using buildpack: {wanted.references[0]}")
    else:
        say.step("Using buildpacks:")
        for number, reference in enumerate(wanted.references, 1):
            say.detail(f"{number}. {reference}")
    packs, language, released = [], "", nothing()
    for reference in wanted.references:
        pack = shelf.get(reference)
        name, said = stages.detect(pack, wanted.dirs, env)
        if name is None:
            raise stages.refuse(pack, said)
        packs.append(pack)
        language = name
        released = _one(pack, language, wanted, env)
        env = stages.exported(pack, env)
    return packs, language, released


def _detected(wanted: Settings, shelf: Shelf, env: dict[str, str]) -> tuple[list[Pack], str, Released]:
    """The first built-in pack that fits; a warning if there are more."""
    say.step("Determining which buildpack to use for this app")
    found = [(pack, name) for pack in shelf.defaults() if (name := stages.detect(pack, wanted.dirs, env)[0])]
    if not found:
        raise Rejected(Exit.NOTHING_DETECTED, *NOT_DETECTED, *_looked_for(shelf, wanted.dirs.build))
    # A static site is what an app is when it is nothing else: many a Node.js app has an index.html.
    rivals = [name for pack, name in found if pack.reference != "heroku/static"]
    if len(rivals) > 1:
        say.problem(
            [
                "Warning: Multiple default buildpacks reported the ability to handle this app. "
                "The first buildpack in the list below will be used.",
                f"Detected buildpacks: {', '.join(rivals)}",
                "To choose another, or several: buildpacks:set. See docs/reference/buildpacks.md.",
            ]
        )
    pack, language = found[0]
    return [pack], language, _one(pack, language, wanted, env)


def _looked_for(shelf: Shelf, build_dir: Path) -> list[str]:
    there = sorted(one.name + ("/" if one.is_dir() else "") for one in build_dir.iterdir())
    shown = ", ".join(there[:12]) + (", …" if len(there) > 12 else "")
    return [
        "Looked for:",
        *(f"  {LOOKED_FOR.get(name, name)}" for name in shelf.names()),
        f"Found: {shown}" if there else "Found: nothing, the pushed tree is empty.",
        "Add one of these files and commit it, or name a buildpack with buildpacks:set.",
        "See docs/reference/buildpacks.md.",
    ]


def _one(pack: Pack, language: str, wanted: Settings, env: dict[str, str]) -> Released:
    say.step(f"{language} app detected")
    stages.compile_app(pack, language, wanted.dirs, env)
    return stages.release(pack, language, wanted.dirs, env)


def main(home: str) -> None:
    """Entry point: `home` is the folder of the built-in buildpacks."""
    os.umask(0o022)
    sys.exit(run(dict(os.environ), Path(home)))
