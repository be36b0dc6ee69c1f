"""Unpacks the source into the build dir. Never writes outside of it, whatever the archive says."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from engine.outcome import Exit, Rejected
from kit import say

GZIP_OR_XZ_OR_BZ2 = (b"\x1f\x8b", b"\xfd7zXZ", b"BZh")


def unpack(archive: Path, target: Path) -> None:
    """Extract `archive` (tar, plain or compressed) into the empty dir `target`; Rejected if it is no tar.

    A zero-byte file is an empty tree. An archive that is compressed came through the API, not from a push:
    if it holds one folder and nothing else, that folder is the app, as in the archives that code hosts make.
    """
    with archive.open("rb") as file:
        head = file.read(6)
    if not head:
        return
    try:
        with tarfile.open(archive) as tar:
            _extract(tar, target)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Rejected(
            Exit.SOURCE_UNUSABLE,
            "The source cannot be unpacked.",
            f"Reason: {error}",
            "The source of a build is a tar archive, plain or compressed with gzip, bzip2 or xz.",
        ) from None
    if head.startswith(GZIP_OR_XZ_OR_BZ2):
        _lift_only_folder(target)
    # An archive made by hand may carry it; it is no part of an app and may be larger than one.
    shutil.rmtree(target / ".git", ignore_errors=True)


def _extract(tar: tarfile.TarFile, target: Path) -> None:
    """Members the data filter refuses (devices, links that lead outside) are left out, and said so."""
    tar.errorlevel = 1

    def checked(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        try:
            return tarfile.data_filter(member, path)
        except tarfile.FilterError as error:
            say.problem([f"Left out of the build: {member.name} ({error})"])
            return None

    tar.extractall(target, filter=checked)  # noqa: S202 - filtered, by what is above


def _lift_only_folder(target: Path) -> None:
    inside = list(target.iterdir())
    if len(inside) != 1 or inside[0].is_symlink() or not inside[0].is_dir():
        return
    # Out of the way first: the folder may hold an entry of its own name.
    folder = inside[0].rename(target / ".haibun-unpacked")
    for one in list(folder.iterdir()):
        one.rename(target / one.name)
    folder.rmdir()
