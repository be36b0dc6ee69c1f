"""A user's CLI and the small platform it talks to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_platform import EMAIL, TOKEN, Platform, serve
from cli_rendezvous import Line, Rendezvous, make_authority
from cli_user import PROGRAM, Cli


@pytest.fixture
def platform() -> Iterator[Platform]:
    platform = Platform()
    server = serve(platform)
    yield platform
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def stranger(tmp_path: Path) -> Cli:
    """The CLI of somebody who has not logged in anywhere."""
    program = tmp_path / "bin" / "haibun"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return Cli(tmp_path, program)


@pytest.fixture
def cli(stranger: Cli, platform: Platform, authority: tuple[Path, Path]) -> Cli:
    """The CLI of a user of `platform`, with an app `demo`."""
    platform.add_app("demo")
    entry = {"token": TOKEN, "email": EMAIL, "git_host": "localhost:5643", "ca_file": str(authority[0])}
    stranger.hosts_file.parent.mkdir(parents=True)
    stranger.hosts_file.write_text(json.dumps({"default": platform.url, "hosts": {platform.url: entry}}))
    return stranger


@pytest.fixture
def attach(platform: Platform, authority: tuple[Path, Path]) -> Iterator[Callable[..., Rendezvous]]:
    """Let the next attached dyno follow a script."""
    started: list[Rendezvous] = []

    def start(script: Callable[[Line], None], greeting: bytes = b"rendezvous\r\n") -> Rendezvous:
        rendezvous = Rendezvous(authority[1], script, greeting)
        platform.attach_url = rendezvous.url
        started.append(rendezvous)
        return rendezvous

    yield start
    for rendezvous in started:
        rendezvous.finish()
