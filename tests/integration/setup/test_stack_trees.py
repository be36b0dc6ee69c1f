"""The trees that `make setup` made are what dynos and builds count on. The real ones, looked at by chroot."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from stacks.build import ROOT, current
from stacks.recipe import load, pinned_uv

pytestmark = pytest.mark.root
STACK = "debian-14"
LOCK = Path(__file__).resolve().parents[3] / "requirements.lock"
VARIANTS = ("run", "build")


def tree(variant: str) -> Path:
    return ROOT / f"{STACK}.{variant}"


def inside(variant: str, *argv: str, user: bool = False) -> str:
    """What a program in the tree says, started there; as the dyno's user if asked."""
    who = ["--userspec=1000:1000"] if user else []
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["chroot", *who, str(tree(variant)), *argv], capture_output=True, text=True, check=True, env=env
    )
    return done.stdout


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_made_of_the_recipe_of_this_checkout(variant: str) -> None:
    assert current(load(STACK), variant, ROOT), "run `make setup`"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("minor", [13, 14, 15])
def test_python_with_all_that_a_venv_needs(variant: str, minor: int) -> None:
    code = "import ssl, sqlite3, ctypes, lzma, bz2, zlib, readline, venv, sys; print(sys.version_info[1])"
    assert inside(variant, f"python3.{minor}", "-c", code, user=True) == f"{minor}\n"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("program", "bash curl git ssh node tini ps less vi nc dig psql jq".split())
def test_programs_of_both_variants(variant: str, program: str) -> None:
    assert inside(variant, "sh", "-c", 'command -v -- "$1"', "-", program).startswith("/")


def test_tini_is_where_the_runtime_starts_it() -> None:
    assert "tini version" in inside("run", "/usr/bin/tini", "--version")


@pytest.mark.parametrize(
    "program", "gcc make pkg-config npm mksquashfs file zip unzip xz gettext pg_config".split()
)
def test_tools_are_in_build_only(program: str) -> None:
    assert inside("build", "sh", "-c", 'command -v -- "$1"', "-", program).startswith("/")


def test_compilers_are_not_in_run() -> None:
    assert not (tree("run") / "usr/bin/gcc").exists()
    assert not (tree("run") / "usr/local/bin/uv").exists()


def test_uv_is_the_pinned_one() -> None:
    assert inside("build", "/usr/local/bin/uv", "--version", user=True).split()[1] == pinned_uv(LOCK)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_dynos_user_and_its_home(variant: str) -> None:
    assert "dyno:x:1000:1000::/app:/bin/bash\n" in (tree(variant) / "etc/passwd").read_text()
    app = (tree(variant) / "app").stat()
    assert (app.st_uid, app.st_gid, stat.S_IMODE(app.st_mode)) == (1000, 1000, 0o755)


@pytest.mark.parametrize("variant", VARIANTS)
def test_places_to_mount_on_are_there_and_empty(variant: str) -> None:
    for name in ("app", "cache", "env", "result", "haibun", "tmp"):
        assert os.listdir(tree(variant) / name) == []
    assert stat.S_IMODE((tree(variant) / "tmp").stat().st_mode) == 0o1777
    for name in ("source.tar", "etc/hostname", "etc/hosts", "etc/resolv.conf"):
        assert stat.S_ISREG((tree(variant) / name).lstat().st_mode)
    assert (tree(variant) / "source.tar").stat().st_size == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_locale_certificates_and_zones(variant: str) -> None:
    assert "en_US.utf8" in inside(variant, "locale", "-a")
    assert (tree(variant) / "etc/ssl/certs/ca-certificates.crt").stat().st_size > 100_000
    assert (tree(variant) / "usr/share/zoneinfo/Europe/Berlin").exists()


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_caches_and_nothing_of_the_host(variant: str) -> None:
    for name in ("var/lib/apt/lists", "var/cache/apt", "var/log"):
        assert os.listdir(tree(variant) / name) == []
    assert not (tree(variant) / "etc/apt/apt.conf.d/99mmdebstrap").exists()


def test_everybody_may_read_them() -> None:
    """Several checkouts share them, and unprivileged processes look into them."""
    for path in (ROOT, tree("run"), tree("build")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
