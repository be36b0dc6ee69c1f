"""What this machine's apt knows: its Debian mirror, its proxy, its CA. Read only; never changes the host.

A company's machine reaches packages in the company's way; the stack images are made in the same way.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CARRIED = re.compile(
    r"Acquire::(https?|ftp)(::[^:]\S*)?::(Proxy|Proxy-Auto-Detect|CaInfo|CAInfo|Verify-Peer|Verify-Host|"
    r"SslCert|SslKey|Timeout)\b|Acquire::(Retries|ForceIPv4|ForceIPv6)\b",
    re.IGNORECASE,
)
DEBIAN = {"stable", "oldstable", "testing", "unstable", "sid"}


@dataclass(frozen=True)
class Source:
    """One archive that the host's apt uses."""

    uri: str
    suite: str
    components: tuple[str, ...]


@dataclass(frozen=True)
class Mirrors:
    """Where to fetch Debian from; None where the host does not say."""

    main: str | None
    security: str | None


def parse_deb822(text: str) -> Iterator[Source]:
    """The sources of a *.sources file; disabled stanzas, comments and source packages left out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = {key.lower(): value for key, value in re.findall(r"^(\S+?):((?:.*(?:\n[ \t].*)*))", stanza, re.M)}
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").strip().lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri, suite, tuple(fields.get("components", "").split()))


def parse_one_line(text: str) -> Iterator[Source]:
    """The sources of sources.list or a *.list file."""
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if found:
            yield Source(found[1], found[2], tuple(found[3].split()))


def sources(etc_apt: Path) -> list[Source]:
    """Every source that apt itself would read under /etc/apt, the host's own files first."""
    found: list[Source] = []
    files = [etc_apt / "sources.list", etc_apt / "sources.list.d" / "debian.sources"]
    files += [path for path in sorted((etc_apt / "sources.list.d").glob("*")) if path not in files]
    for path in files:
        if path.suffix == ".list" and path.is_file():
            found += parse_one_line(path.read_text(errors="replace"))
        elif path.suffix == ".sources" and path.is_file():
            found += parse_deb822(path.read_text(errors="replace"))
    return found


def mirrors(etc_apt: Path, os_release: Path, environ: Mapping[str, str]) -> Mirrors:
    """The Debian mirror of this machine; HAIBUN_DEBIAN_MIRROR and HAIBUN_DEBIAN_SECURITY_MIRROR go first."""
    main, security = environ.get("HAIBUN_DEBIAN_MIRROR"), environ.get("HAIBUN_DEBIAN_SECURITY_MIRROR")
    facts = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', os_release.read_text(), re.M))
    if facts.get("ID") == "debian":
        suites = DEBIAN | {facts.get("VERSION_CODENAME", "")}
        used = [source for source in sources(etc_apt) if "main" in source.components and ":/" in source.uri]
        main = main or _best(source for source in used if source.suite in suites)
        safe = (source for source in used if re.split("[-/]", source.suite)[0] in suites)
        security = security or _best(
            source
            for source in safe
            if re.search("[-/](security|updates)$", source.suite) and "security" in source.suite + source.uri
        )
    return Mirrors(main, security)


def _best(found: Iterator[Source]) -> str | None:
    """Others name their suites as Debian does; an address that ends in /debian or /debian-security is Debian's."""
    uris = [source.uri.rstrip("/") for source in found if not source.uri.startswith("cdrom:")]
    uris.sort(key=lambda uri: not re.search(r"/debian(-security)?$", urlsplit(uri).path))
    return uris[0] if uris else None


def apt_settings() -> list[str]:
    """The host's proxy, CA and retry settings, as lines of apt.conf."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return [line for line in dump.splitlines() if CARRIED.match(line)]


def check_valid_until(environ: Mapping[str, str] = os.environ) -> bool:
    """False when the operator allows Release files past their date: HAIBUN_APT_CHECK_VALID_UNTIL=0."""
    return environ.get("HAIBUN_APT_CHECK_VALID_UNTIL", "1") not in {"0", "no", "false"}
