"""Setup's own decisions: what it refuses, in which words, and what it leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from setup import checks, system, venv
from setup.say import Stop

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users can reach; pytest's own is closed to them."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="haibun-setup-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.root
def test_without_root_it_says_so_and_does_nothing(public: Path) -> None:
    """As an unprivileged process, from a copy which that process may read."""
    shutil.copytree(CHECKOUT / "setup", public / "setup")
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    script = str(public / "setup" / "setup.py")
    done = subprocess.run([*nobody, "/usr/bin/python3", "-B", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Run `sudo make setup`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("release", "taken"),
    [
        ('ID=debian\nVERSION_ID="12"\n', True),
        ("ID=debian\n", True),
        ('ID=ubuntu\nVERSION_ID="22.04"\n', True),
        ('ID=ubuntu\nVERSION_ID="20.04"\nPRETTY_NAME="Ubuntu 20.04"\n', False),
        ('ID=debian\nVERSION_ID="11"\n', False),
        ('ID=fedora\nVERSION_ID="42"\n', False),
    ],
)
def test_which_systems_it_takes(tmp_path: Path, release: str, taken: bool) -> None:
    path = tmp_path / "os-release"
    path.write_text(release)
    if taken:
        checks.system(path)
    else:
        with pytest.raises(Stop, match="Debian 12 or newer"):
            checks.system(path)


def test_a_full_disk_is_said_before_anything_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "STACK_BYTES", 1 << 60)
    with pytest.raises(Stop, match="GB free; setup needs"):
        checks.disk(tmp_path, tmp_path / "not" / "made" / "yet")
    (tmp_path / "x.build.stamp").touch()
    checks.disk(tmp_path, tmp_path)


def test_a_checkout_that_only_root_can_read_is_refused(tmp_path: Path) -> None:
    for name in ("src/haibun", "setup"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch(0o600)
    with pytest.raises(Stop, match="chmod -R go"):
        checks.readable(tmp_path)


def test_the_list_of_packages_gives_a_reason_for_each() -> None:
    lines = [line for line in system.LIST.read_text().splitlines() if not line.startswith("#")]
    assert system.listed(system.LIST.read_text()) == [line.split()[0] for line in lines]
    assert all(line.partition("#")[2].strip() for line in lines)


def test_what_is_missing_is_asked_of_dpkg() -> None:
    assert system.missing(["dpkg", "no-such-package-as-this"]) == ["no-such-package-as-this"]


@pytest.mark.parametrize("was", [None, "/old/checkout/.venv/bin/haibun"])
def test_the_link_is_made_and_moved(tmp_path: Path, was: str | None) -> None:
    at = tmp_path / "haibun"
    if was:
        at.symlink_to(was)
    for _again in range(2):
        system.link(tmp_path / ".venv", at)
        assert os.readlink(at) == str(tmp_path / ".venv" / "bin" / "haibun")


@pytest.mark.parametrize("kind", ["file", "link"])
def test_somebody_elses_command_is_left_alone(tmp_path: Path, kind: str) -> None:
    at = tmp_path / "haibun"
    if kind == "file":
        at.write_text("theirs")
    else:
        at.symlink_to("/opt/theirs/bin/haibun")
    system.link(tmp_path / ".venv", at)
    assert at.is_symlink() is (kind == "link")
    assert at.is_symlink() or at.read_text() == "theirs"
    assert not at.is_symlink() or os.readlink(at) == "/opt/theirs/bin/haibun"


@pytest.mark.root
def test_the_user_gets_through_a_private_folder_but_not_into_it(public: Path) -> None:
    private = public / "private"
    checkout = private / "checkout"
    checkout.mkdir(parents=True)
    private.chmod(0o700)
    system.user()
    system.reachable(checkout)
    who = ["setpriv", "--reuid", system.USER, "--regid", system.USER, "--clear-groups"]
    assert subprocess.run([*who, "test", "-d", str(checkout)], check=False).returncode == 0
    assert subprocess.run([*who, "ls", str(private)], capture_output=True, check=False).returncode != 0
    private.chmod(0o700)  # this takes the right away again; a second run gives it back
    assert not system.enters(private)
    system.reachable(checkout)
    assert system.enters(private)


def test_the_pin_of_one_package_is_taken_with_its_hashes() -> None:
    lock = "uv==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # x\nuvloop==2 \\\n  --hash=sha256:cc\n"
    assert venv.pinned(lock, "uv") == "uv==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    with pytest.raises(Stop, match="make lock"):
        venv.pinned(lock, "ruff")


def test_a_companys_index_reaches_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    python = str(CHECKOUT / ".venv" / "bin" / "python")
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    assert venv.index_settings(python)["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example/simple")
    assert "UV_DEFAULT_INDEX" not in venv.index_settings(python)


def test_a_venv_of_another_place_is_not_taken_as_ours(tmp_path: Path) -> None:
    python = venv.system_python()
    assert python is not None
    made = tmp_path / ".venv"
    subprocess.run([python, "-m", "venv", "--without-pip", str(made)], check=True)
    assert venv.healthy(made, python)
    moved = tmp_path / "moved"
    made.rename(moved)
    assert not venv.healthy(moved, python)
    assert not venv.healthy(made, python)
