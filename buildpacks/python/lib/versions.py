"""Which Python an app asks for, and where it says so. Pure: files in, a version or a BuildError out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from kit.say import BuildError
from python.lib.managers import Manager

DEFAULT = "3.14"
OLDEST_MINOR, NEWEST_MINOR = 10, 15
NUMBER = r"(?:0|[1-9][0-9]{0,3})"
VERSION = re.compile(rf"{NUMBER}\.{NUMBER}(?:\.{NUMBER})?")
RUNTIME = re.compile(rf"python-({VERSION.pattern})")
MISSPELT = (
    ".python_version .pythonversion .python.version .Python-version .python-version.txt .python_version.txt "
    ".python-version.TXT .python-version. .python-version.py python-version python_version python-version.txt "
    "python_version.txt ,python-version"
).split()
FORMAT = (
    "It is either a major version, as 3.14 (recommended: patches then come by themselves),",
    "or an exact one, as 3.14.2; no quotes, no 'python-' in front, no wildcards,",
    "comments on lines of their own that start with '#'.",
)


class Asked(NamedTuple):
    """`version`: 3.N or 3.N.P; `origin`: the file that says it, or 'default' or 'cached'."""

    version: str
    origin: str

    @property
    def major(self) -> str:
        """3.N"""
        return ".".join(self.version.split(".")[:2])

    @property
    def exact(self) -> bool:
        return self.version.count(".") == 2


def asked(build_dir: Path, manager: Manager, cached: str | None, default: str = DEFAULT) -> Asked:
    """runtime.txt, .python-version, Pipfile.lock, the last build's version, the default: the first there is."""
    found = _from_files(build_dir, manager)
    if found is None and manager is not Manager.UV:
        found = Asked(".".join(cached.split(".")[:2]), "cached") if cached else Asked(default, "default")
    if found is None:
        raise BuildError(
            "No Python version was specified.",
            "With uv, a file named .python-version says which Python your app runs on.",
            f"Run 'uv python pin {DEFAULT}' in the root directory, commit and push again.",
        )
    if found.origin == "runtime.txt" and manager is Manager.UV:
        raise BuildError(
            "The runtime.txt file isn't supported when using uv.",
            f"Delete runtime.txt, run 'uv python pin {found.major}', commit both and push again.",
        )
    _check_supported(found)
    return found


def _from_files(build_dir: Path, manager: Manager) -> Asked | None:
    if (build_dir / "runtime.txt").is_file():
        return Asked(parse_runtime_txt((build_dir / "runtime.txt").read_bytes()), "runtime.txt")
    for name in MISSPELT:
        if (build_dir / name).is_file():
            raise BuildError(
                "Your .python-version file is spelled incorrectly.",
                f"Its name is {name!r}, but it must be '.python-version', exactly. Rename it and push again.",
            )
    if (build_dir / ".python-version").is_file():
        return Asked(parse_python_version((build_dir / ".python-version").read_bytes()), ".python-version")
    if manager is Manager.PIPENV:
        version = parse_pipfile_lock((build_dir / "Pipfile.lock").read_bytes())
        return Asked(version, "Pipfile.lock") if version else None
    return None


def _lines(raw: bytes, name: str) -> list[str]:
    """Lines that say something. BuildError if the text is not UTF-8, or starts with a byte order mark."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or text.startswith("\ufeff"):
        raise BuildError(
            f"Unable to read {name}.",
            "It is not plain UTF-8 (editors and shells on Windows may write UTF-16 or a byte order mark).",
            "Write it again as UTF-8 without BOM, commit and push.",
        )
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def parse_python_version(raw: bytes) -> str:
    """The one version in a .python-version file."""
    lines = _lines(raw, ".python-version")
    for line in lines:
        if not VERSION.fullmatch(line):
            shown = "".join(char if char.isprintable() else "\ufffd" for char in line[:80])
            raise BuildError("Invalid Python version in .python-version.", f"It says: {shown}", *FORMAT)
    if len(lines) > 1:
        raise BuildError(
            "Multiple Python versions found in .python-version.",
            *lines[:10],
            "Leave only one of them, commit and push again.",
        )
    if not lines:
        raise BuildError(
            "No Python version found in .python-version.",
            "The file is empty, or all of it is comments. Write one line into it:",
            DEFAULT,
        )
    return lines[0]


def parse_runtime_txt(raw: bytes) -> str:
    """The version in a (deprecated) runtime.txt: `python-3.14`."""
    lines = _lines(raw, "runtime.txt")
    match = RUNTIME.fullmatch(lines[0]) if len(lines) == 1 else None
    if match is None:
        raise BuildError(
            "Invalid Python version in runtime.txt.",
            "The file is deprecated: delete it, and write the version into a file named .python-version.",
            *FORMAT,
        )
    return match[1]


def parse_pipfile_lock(raw: bytes) -> str | None:
    """python_full_version or python_version of a Pipfile.lock, None if it has neither."""
    try:
        requires = json.loads(raw).get("_meta", {}).get("requires", {})
        version = requires.get("python_full_version") or requires.get("python_version")
    except (ValueError, AttributeError) as error:
        raise BuildError(
            "Can't parse Pipfile.lock.",
            f"Reason: {error}",
            "Run 'pipenv lock' to write it again, commit and push.",
        ) from None
    if version is None:
        return None
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise BuildError(
            "Invalid Python version in Pipfile.lock.",
            f"It says: {str(version)[:80]}",
            *FORMAT[:2],
            "Change it in your Pipfile, run 'pipenv lock', commit and push.",
        )
    return version


def _check_supported(found: Asked) -> None:
    major, minor = map(int, found.major.split("."))
    where = "your .python-version file" if found.origin in ("cached", "default") else f"your {found.origin} file"
    if major < 3 or (major == 3 and minor < OLDEST_MINOR):
        raise BuildError(
            "The requested Python version has reached end-of-life.",
            f"Python {found.major} no longer receives security updates, and is not supported any more.",
            f"Ask for at least 3.{OLDEST_MINOR}, better {DEFAULT}, in {where}.",
        )
    if major > 3 or minor > NEWEST_MINOR:
        raise BuildError(
            "The requested Python version isn't recognised.",
            f"There is no Python {found.major} that this buildpack knows.",
            f"Ask for {DEFAULT} in {where}.",
        )
