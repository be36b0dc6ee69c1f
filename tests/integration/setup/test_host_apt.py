"""What the stack builder takes from the host's apt: one mirror, in every way that apt lets one be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks import bootstrap, host
from stacks.recipe import load

DEBIAN = 'PRETTY_NAME="Debian"\nVERSION_CODENAME=bookworm\nID=debian\n'
UBUNTU = 'NAME="Ubuntu"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\n'

DEB822 = """\
# the company's mirror
Types: deb deb-src
URIs: http://mirror.example/debian
 http://second.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQENBF
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
# a comment inside
URIs: http://mirror.example/debian-security/
Suites: bookworm-security
Components: main
"""

ONE_LINE = """\
# deb http://old.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://mirror.example/debian/ bookworm main  # ours
deb https://mirror.example/debian-security bookworm-security main
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def found(etc: Path, release: str = DEBIAN, environ: dict[str, str] | None = None) -> host.Mirrors:
    os_release = etc / "os-release"
    os_release.write_text(release)
    return host.mirrors(etc, os_release, environ or {})


def test_deb822(etc: Path) -> None:
    (etc / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert found(etc) == host.Mirrors("http://mirror.example/debian", "http://mirror.example/debian-security")


def test_deb822_reads_every_uri_and_suite() -> None:
    parsed = [(source.uri, source.suite) for source in host.parse_deb822(DEB822)]
    assert ("http://second.example/debian", "bookworm-updates") in parsed
    assert len(parsed) == 5


def test_deb822_leaves_out_what_is_switched_off_and_sources() -> None:
    off = "Types: deb\nEnabled: no\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main\n"
    source = "Types: deb-src\nURIs: http://b.example/debian\nSuites: bookworm\nComponents: main\n"
    assert list(host.parse_deb822(off + "\n" + source)) == []


def test_one_line(etc: Path) -> None:
    (etc / "sources.list").write_text(ONE_LINE)
    assert found(etc) == host.Mirrors("https://mirror.example/debian", "https://mirror.example/debian-security")


def test_other_vendors_with_the_same_suite_name_are_not_debian(etc: Path) -> None:
    (etc / "sources.list.d" / "a-vendor.list").write_text("deb https://vendor.example/apt bookworm main\n")
    (etc / "sources.list.d" / "company.list").write_text("deb https://mirror.example/debian bookworm main\n")
    assert found(etc).main == "https://mirror.example/debian"


def test_a_file_that_apt_would_not_read_is_not_read(etc: Path) -> None:
    (etc / "sources.list.d" / "debian.sources.disabled").write_text(DEB822)
    assert found(etc) == host.Mirrors(None, None)


def test_ubuntu_has_no_debian_mirror(etc: Path) -> None:
    (etc / "sources.list").write_text("deb http://mirror.example/ubuntu jammy main universe\n")
    assert found(etc, UBUNTU) == host.Mirrors(None, None)
    assert bootstrap.archives(load("debian-14"), host.Mirrors(None, None)) == []


@pytest.mark.parametrize("release", [DEBIAN, UBUNTU])
def test_the_operator_goes_first(etc: Path, release: str) -> None:
    (etc / "sources.list").write_text(ONE_LINE)
    environ = {"HAIBUN_DEBIAN_MIRROR": "http://mine.example/debian"}
    assert found(etc, release, environ).main == "http://mine.example/debian"


def test_a_stable_suite_gets_its_updates_and_security() -> None:
    mirrors = host.Mirrors("http://m.example/debian", "http://m.example/debian-security")
    assert bootstrap.archives(load("debian-13"), mirrors) == [
        "deb http://m.example/debian trixie main",
        "deb http://m.example/debian trixie-updates main",
        "deb http://m.example/debian-security trixie-security main",
    ]
    assert bootstrap.archives(load("debian-14"), mirrors) == ["deb http://m.example/debian forky main"]


@pytest.mark.parametrize(
    ("line", "carried"),
    [
        ('Acquire::http::Proxy "http://proxy.example:3128";', True),
        ('Acquire::http::Proxy::mirror.example "DIRECT";', True),
        ('Acquire::https::CaInfo "/etc/ssl/company.pem";', True),
        ('Acquire::https::mirror.example::Verify-Peer "true";', True),
        ('Acquire::Check-Valid-Until "false";', False),
        ('APT::Install-Recommends "true";', False),
        ('DPkg::Post-Invoke:: "rm -f /x";', False),
    ],
)
def test_proxy_and_ca_are_carried_and_nothing_else(line: str, carried: bool) -> None:
    assert bool(host.CARRIED.match(line)) is carried


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("E: Release file for x is not valid yet (invalid for another 3h).", "clock is wrong"),
        ("W: GPG error: NO_PUBKEY 6ED0E7B82643E131", "debian-archive-keyring"),
        ("E: write: No space left on device", "disk is full"),
        ("Err:1 Could not resolve 'mirror.example'", "could not be reached"),
        ("E: Unable to locate package python3.99", "no longer has a package"),
        ("E: something new", "mmdebstrap failed"),
    ],
)
def test_a_failure_is_said_in_a_sentence_with_the_end_of_the_output(said: str, sentence: str) -> None:
    text = bootstrap.explain(f"I: first\n{said}\n")
    assert sentence in text.splitlines()[0]
    assert said in text
