"""Buildpacks by reference: built in by name, third-party by git or tgz URL. Fetches into the build dyno only."""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path
from typing import IO, NamedTuple

from engine.outcome import Exit, Rejected
from kit import children

# In the order in which they are asked; those that are not shipped are passed over.
ORDER = ("ruby", "nodejs", "clojure", "python", "java", "gradle", "scala", "php", "go", "dotnet", "static")
NAME = re.compile(r"(?:urn:buildpack:)?(?:(?:heroku|haibun)/)?(?P<name>[a-z0-9-]+)")
# The address by which Heroku's own registry serves an official buildpack is that buildpack's name, too.
REGISTRY = re.compile(r"https://buildpack-registry\.[^/]+/buildpacks/heroku/(?P<name>[a-z0-9-]+)\.tgz")
URL = re.compile(r"https?://[^\s#]+?(?:#(?P<ref>[A-Za-z0-9._/][A-Za-z0-9._/-]*))?")
REFERENCE_HELP = (
    "A buildpack is named as heroku/python, or by the address of its git repository,",
    "https://host/name.git, optionally with #branch, #tag or #commit, or of a .tgz file.",
)
MAX_TGZ_BYTES = 200 * 1024 * 1024


class Pack(NamedTuple):
    """`reference` as the app names it; `home`: a folder with bin/, writable, of this build only."""

    reference: str
    home: Path

    def script(self, name: str) -> Path:
        return self.home / "bin" / name


class Shelf:
    """Finds packs: `builtin` is the read-only folder of built-in ones, `work` an empty one for this build."""

    def __init__(self, builtin: Path, work: Path, env: dict[str, str]) -> None:
        self.builtin, self.work, self.env = builtin, work, env

    def names(self) -> list[str]:
        """Built-in packs in the order of detection."""
        return [name for name in ORDER if (self.builtin / name / "bin" / "detect").exists()]

    def defaults(self) -> list[Pack]:
        """All built-in packs, in the order of detection."""
        return [self._builtin(f"heroku/{name}", name) for name in self.names()]

    def get(self, reference: str) -> Pack:
        """The pack of a reference, fetched if it is an address. Rejected(BAD_REFERENCE) if there is none."""
        if name := REGISTRY.fullmatch(reference) or NAME.fullmatch(reference):
            if name["name"] not in self.names():
                raise _bad(reference, "It is not among the built-in ones: " + ", ".join(self.names()) + ".")
            return self._builtin(reference, name["name"])
        url = URL.fullmatch(reference)
        if url is None:
            raise _bad(reference, "It is neither a name nor an address.")
        home = self._place()
        address = reference.partition("#")[0]
        if address.endswith((".tgz", ".tar.gz")):
            _download(reference, address, home)
        else:
            self._clone(reference, address, url["ref"], home)
        return _checked(Pack(reference, home))

    def _place(self) -> Path:
        return self.work / f"buildpack-{len(list(self.work.iterdir()))}"

    def _builtin(self, reference: str, name: str) -> Pack:
        """A folder of links: a pack may write `export` beside its bin/, and the shipped one is read-only."""
        home = self._place()
        home.mkdir()
        for one in (self.builtin / name).iterdir():
            (home / one.name).symlink_to(one)
        return Pack(reference, home)

    def _clone(self, reference: str, address: str, ref: str | None, home: Path) -> None:
        env = {**self.env, "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http"}
        git = ["git", "-c", "advice.detachedHead=false"]
        clone = [*git, "clone", "--quiet"]
        code, out = children.quiet([*clone, *([] if ref else ["--depth=1"]), "--", address, str(home)], env=env)
        if code and "does not support shallow" in out:  # a plain web server with the repository's files
            code, out = children.quiet([*clone, "--", address, str(home)], env=env)
        if code == 0 and ref:
            code, out = children.quiet([*git, "-C", str(home), "checkout", "--quiet", ref, "--"], env=env)
        if code == 0 and (home / ".gitmodules").exists():
            code, out = children.quiet(
                [*git, "-C", str(home), "submodule", "--quiet", "update", "--init", "--recursive"], env=env
            )
        if code:
            last = out.strip().splitlines() or [f"git ended with {code}"]
            raise _bad(reference, "git could not fetch it: " + last[-1])


def _download(reference: str, address: str, home: Path) -> None:
    import urllib.request  # here, since it takes longer to load than all of a small build

    archive = home.with_suffix(".tgz")
    try:
        with urllib.request.urlopen(address, timeout=60) as answer, archive.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(_Limited(answer), file)
        home.mkdir()
        with tarfile.open(archive) as tar:
            tar.extractall(home, filter="data")
    except (OSError, tarfile.TarError, ValueError) as error:
        raise _bad(reference, f"It could not be fetched: {error}") from None
    finally:
        archive.unlink(missing_ok=True)


class _Limited:
    """Reads from `file`, and refuses to go past the limit."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.left = file, MAX_TGZ_BYTES

    def read(self, size: int = -1, /) -> bytes:
        data = self.file.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise ValueError(f"it is larger than {MAX_TGZ_BYTES // 1024 // 1024} MB")
        return data


def _checked(pack: Pack) -> Pack:
    for name in ("detect", "compile"):
        if not pack.script(name).is_file():
            raise _bad(pack.reference, f"It has no bin/{name}, so it is no (classic) buildpack.")
    for script in (pack.home / "bin").iterdir():
        if script.is_file():
            script.chmod(script.stat().st_mode | 0o755)
    return pack


def _bad(reference: str, reason: str) -> Rejected:
    return Rejected(
        Exit.BAD_REFERENCE,
        f"The buildpack {reference} cannot be used.",
        reason,
        *REFERENCE_HELP,
        "Change the list with buildpacks:set, buildpacks:remove or buildpacks:clear.",
    )
