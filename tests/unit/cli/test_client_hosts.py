"""hosts.json: what is written can be read, by its owner only, whoever writes it."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from haibun.client import hosts
from haibun.client.errors import ClientError


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("localhost:5000", "http://localhost:5000"),
        ("http://LOCALHOST:5000/", "http://localhost:5000"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("paas.example.com", "https://paas.example.com"),
        ("https://paas.example.com:8443//", "https://paas.example.com:8443"),
        ("localhost.evil.com", "https://localhost.evil.com"),
    ],
)
def test_addresses_are_kept_in_one_spelling(typed: str, url: str) -> None:
    assert hosts.normal_url(typed) == url


@pytest.mark.parametrize(
    "typed", ["", "ftp://x", "https://", "https://a/b", "https://a b", "https://u:p@h", "://x"]
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ClientError):
        hosts.normal_url(typed)


def test_added_hosts_are_read_back_privately(tmp_path: Path) -> None:
    hosts.add_host("localhost:5000", "t1", "me@example.com", "localhost:5643", tmp_path / "ca.pem", home=tmp_path)
    hosts.add_host("https://b.example.com", "t2", None, home=tmp_path, make_default=False)
    file = tmp_path / ".config" / "haibun" / "hosts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert json.loads(file.read_text())["hosts"]["http://localhost:5000"] == {
        "token": "t1",
        "email": "me@example.com",
        "git_host": "localhost:5643",
        "ca_file": str(tmp_path / "ca.pem"),
        "git_url": "https://localhost:5643",
    }
    known = hosts.load(tmp_path)
    assert known.usual().url == "http://localhost:5000"
    found = known.of_git("b.example.com")
    assert found is not None
    assert (found.token, found.remote_url("app")) == ("t2", "https://b.example.com/app.git")
    assert known.of_git("elsewhere") is None
    hosts.forget_token("https://b.example.com", tmp_path)
    assert hosts.load(tmp_path).named("b.example.com").token is None
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_nothing_known_means_this_machine(tmp_path: Path) -> None:
    assert hosts.load(tmp_path).usual().url == hosts.DEFAULT_URL


def test_the_environment_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    hosts.add_host("localhost:1", "t", None)
    assert (tmp_path / "xdg" / "haibun" / "hosts.json").exists()


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    def add(number: int) -> None:
        _in_child(lambda: hosts.add_host(f"h{number}.example.com", "t", None, home=tmp_path))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hosts.load(tmp_path).by_url) == 8


def _in_child(work: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.parametrize("text", ["{", "[]", '{"hosts": {"ftp://x": {}}}', '{"hosts": {"localhost": 1}}'])
def test_a_damaged_file_is_said_to(tmp_path: Path, text: str) -> None:
    folder = tmp_path / ".config" / "haibun"
    folder.mkdir(parents=True)
    (folder / "hosts.json").write_text(text)
    with pytest.raises(ClientError, match=r"hosts\.json"):
        hosts.load(tmp_path)


@pytest.mark.root
def test_root_writes_as_the_user_and_never_through_the_users_links(tmp_path: Path) -> None:
    user = (54321, 54321)
    home, target = tmp_path / "home", tmp_path / "roots-own"
    for folder in (home, target):
        folder.mkdir()
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o711)
    os.chown(home, *user)
    hosts.add_host("localhost:5000", "t", None, home=home, owner=user)
    file = home / ".config" / "haibun" / "hosts.json"
    assert (file.stat().st_uid, file.stat().st_gid) == user
    trap = tmp_path / "trap"
    trap.mkdir()
    os.chown(trap, *user)
    (trap / ".config").symlink_to(target)
    with pytest.raises(ClientError):
        hosts.add_host("localhost:5000", "t", None, home=trap, owner=user)
    assert list(target.iterdir()) == []
