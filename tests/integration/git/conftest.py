"""A git room on loopback, with real git clients; only the build room is a fake, at its seam."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from git_waiting import eventually
from sqlalchemy import select
from starlette.applications import Starlette

from haibun.blobs import sources
from haibun.blobs.streams import StreamWriter
from haibun.control import apps, authorizations, builds
from haibun.control.context import Actor, Control, Platform
from haibun.core.layout import Layout
from haibun.git.smart_http import routes
from haibun.kit.clock import SystemClock
from haibun.kit.ids import new_id
from haibun.store import tables
from haibun.store.engine import Store
from haibun.wire.sealed import Sealer


class FakeBuildRoom:
    """Does what the build room does at its seam: sees pending builds, writes the stream, finishes the row.

    A source with a file `fail` fails; with `slow` it waits for `let_go` or for a cancel.
    """

    def __init__(self, control: Control, layout: Layout) -> None:
        self.control, self.layout = control, layout
        self.let_go, self._stop = threading.Event(), threading.Event()
        self.sources: list[dict[str, int]] = []
        self.cancelled: list[str] = []
        self._seen: set[str] = set()
        self._threads = [threading.Thread(target=self._watch)]
        self._threads[0].start()

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def rows(self) -> list[Any]:
        with self.control.store.read() as conn:
            return list(conn.execute(select(tables.builds).order_by(tables.builds.c.created_at)))

    def _watch(self) -> None:
        while not self._stop.wait(0.003):
            for row in self.rows():
                if row.status == "pending" and row.id not in self._seen:
                    self._seen.add(row.id)
                    thread = threading.Thread(target=self._build, args=(row,))
                    self._threads.append(thread)
                    thread.start()

    def _build(self, row: Any) -> None:
        with StreamWriter(self.layout, row.id) as stream:
            stream.write("-----> Building on the Heroku-24 stack\n")
            with tarfile.open(sources.path(self.layout, row.source_id)) as tar:
                files = {member.name: member.size for member in tar if member.isfile()}
            self.sources.append(files)
            if "slow" in files and not self._wait(row.id):
                self.cancelled.append(row.id)
                builds.fail(self.control, row.id, "cancelled")
                stream.finish("cancelled")
            elif "fail" in files:
                stream.write(" !     Push rejected, failed to compile Python app.\n\n !     Push failed\n")
                builds.fail(self.control, row.id, "failed to compile")
                stream.finish("failed")
            else:
                self._succeed(row, stream)
            sources.delete(self.layout, row.source_id)

    def _wait(self, build_id: str) -> bool:
        while not self.let_go.wait(0.01):
            row = next(row for row in self.rows() if row.id == build_id)
            if row.cancel_requested_at is not None or self._stop.is_set():
                return False
        return True

    def _succeed(self, row: Any, stream: StreamWriter) -> None:
        slug = {
            "id": new_id(),
            "process_types": {"web": "run"},
            "size": 1,
            "checksum": "SHA256:0",
            "buildpack_provided_description": "Fake",
        }
        release = builds.finish(self.control, row.id, slug, [])
        stream.write(
            f"-----> Launching...\n       Released v{release.version}\n       http://app.test/ deployed\n"
        )
        stream.finish("succeeded")


@dataclass
class Host:
    """One platform as the tests see it."""

    control: Control
    layout: Layout
    room: FakeBuildRoom
    port: int
    user: Actor
    token: str
    app: Any
    tmp: Path
    _copies: int = field(default=0)

    def url(self, app_name: str | None = None, token: str | None = None) -> str:
        return f"http://any:{token or self.token}@127.0.0.1:{self.port}/{app_name or self.app.name}.git"

    def user_with_token(self, email: str, **more: Any) -> tuple[Actor, str]:
        user_id = authorizations.create_user(self.control, email)
        _, token = authorizations.authorize(self.control, user_id, description="test", **more)
        return Actor(user_id, email), token

    def checkout(self) -> Checkout:
        self._copies += 1
        checkout = Checkout(self.tmp / f"work{self._copies}", self)
        checkout.git("init", "-q", "-b", "main", ".")
        return checkout


@dataclass
class Checkout:
    """A user's working copy."""

    path: Path
    host: Host

    def __post_init__(self) -> None:
        self.path.mkdir()

    def popen(self, *argv: str) -> subprocess.Popen[str]:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            **{f"GIT_{who}_NAME": "Basho" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "basho@example.com" for who in ("AUTHOR", "COMMITTER")},
        }
        return subprocess.Popen(
            ["git", *argv],
            cwd=self.path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *argv: str) -> tuple[int, str]:
        """(exit code, stdout and stderr with the trailing blanks of `remote:` lines taken off)."""
        process = self.popen(*argv)
        out, err = process.communicate(timeout=120)
        return process.returncode, "\n".join(line.rstrip() for line in (out + err).splitlines())

    def git(self, *argv: str) -> str:
        code, said = self.run(*argv)
        assert code == 0, said
        return said

    def commit(self, **files: str | bytes) -> str:
        """Write the files, commit them, return the commit's id."""
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (self.path / name).write_bytes(data)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def push(self, *refs: str, token: str | None = None, app: str | None = None) -> tuple[int, str]:
        return self.run("push", self.host.url(app, token), *refs)

    def remote_refs(self) -> dict[str, str]:
        lines = self.git("ls-remote", self.host.url()).splitlines()
        return {name: commit for commit, name in (line.split("\t") for line in lines)}


@contextlib.contextmanager
def serving(control: Control, layout: Layout, loop: str = "auto") -> Iterator[int]:
    """The git room's routes on a loopback port, by uvicorn."""
    app = Starlette(routes=list(routes(control, layout)))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", loop=loop, lifespan="off", timeout_graceful_shutdown=2)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    eventually(lambda: server.started)
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    store = Store(f"sqlite:///{tmp_path}/haibun.db")
    tables.metadata.create_all(store.engine)
    platform = Platform(
        "test", "http://test", "git.test", "http://api.test", "run.test", "heroku-24", ("heroku-24",)
    )
    yield Control(store, Sealer(b"k" * 32), SystemClock(), platform)
    store.close()


@pytest.fixture(params=["uvloop"])
def host(control: Control, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Host]:
    layout = Layout(tmp_path / "data", tmp_path / "run")
    layout.data.mkdir()
    room = FakeBuildRoom(control, layout)
    try:
        with serving(control, layout, request.param) as port:
            user_id = authorizations.create_user(control, "basho@example.com")
            _, token = authorizations.authorize(control, user_id, description="test")
            user = Actor(user_id, "basho@example.com")
            app = apps.create(control, user, name="old-pond")
            yield Host(control, layout, room, port, user, token, app, tmp_path)
    finally:
        room.close()
