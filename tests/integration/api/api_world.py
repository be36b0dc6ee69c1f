"""A platform's rows for tests of the API: four people, an app with code and dynos, on a real SQLite store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api_caller import Caller

from haibun.api.app import make_app
from haibun.control import apps, authorizations, builds, collaborators, formation
from haibun.control.context import Actor, Control, Platform
from haibun.core.layout import Layout
from haibun.kit.clock import SystemClock
from haibun.kit.ids import new_id
from haibun.store import dynos as dyno_rows
from haibun.store import migrate
from haibun.store.engine import Store
from haibun.wire.sealed import Sealer

PLATFORM = Platform(
    domain="apps.example.com",
    web_url="https://{app}.apps.example.com/",
    git_host="git.example.com:8443",
    api_url="http://localhost:5605",
    rendezvous_host="localhost:5605",
    default_stack="heroku-26",
    stacks=("heroku-24", "heroku-26"),
)
PEOPLE = ("owner", "friend", "stranger", "admin")
PASSWORD = "correct horse battery"
TYPES = {"web": "gunicorn hello", "worker": "work", "release": "migrate"}


@dataclass
class World:
    """`actors` and `tokens` by person; `tokens` also has owner's `read` and others by scope."""

    control: Control
    layout: Layout
    actors: dict[str, Actor]
    tokens: dict[str, str]

    def __post_init__(self) -> None:
        self.asgi = make_app(self.control, self.layout)

    def as_(self, who: str) -> Caller:
        """A caller with a token of the person (or scope of the owner); `nobody` has none."""
        return Caller(self.asgi, None if who == "nobody" else self.tokens[who])

    def deploy(self, app: str = "shop", types: dict[str, str] | None = None, commit: str = "a" * 40) -> Any:
        """A build that succeeded; returns its release's row."""
        owner = self.actors["owner"]
        build = builds.create(self.control, owner, app, source_id=new_id(), source_version=commit)
        slug = {
            "id": new_id(),
            "process_types": types or {"web": TYPES["web"], "worker": TYPES["worker"]},
            "size": 1234,
            "checksum": "SHA256:00",
            "buildpack_provided_description": "Python",
        }
        return builds.finish(self.control, build.id, slug, ["heroku/python"])

    def add_dyno(self, app: str, name: str, phase: str = "up", kind: str = "formation", **more: Any) -> str:
        """A row as the dynos room writes it; returns its id."""
        with self.control.store.read() as conn:
            row = apps.app_rows.find(conn, app)
        assert row is not None
        now, dyno_id = self.control.clock.now(), new_id()
        values = {
            "id": dyno_id,
            "app_id": row.id,
            "name": name,
            "type": name.partition(".")[0],
            "kind": kind,
            "release_id": row.release_id,
            "command": "gunicorn hello",
            "size": "Basic",
            "phase": phase,
            "created_at": now,
            "updated_at": now,
        }
        with self.control.store.write() as tx:
            dyno_rows.add(tx, **(values | more))
        return dyno_id

    def close(self) -> None:
        self.control.store.close()


def control_on(database: Path) -> Control:
    return Control(Store(f"sqlite:///{database}"), Sealer(b"k" * 32), SystemClock(), PLATFORM)


def build_template(folder: Path) -> tuple[dict[str, Actor], dict[str, str]]:
    """Write `<folder>/template.db`: people with tokens; the app `shop` of owner, with code, dyno and friend."""
    control = control_on(folder / "template.db")
    migrate.upgrade(control.store)
    actors, tokens = {}, {}
    for who in PEOPLE:
        email = f"{who}@example.com"
        user_id = authorizations.create_user(control, email, password=PASSWORD, is_admin=who == "admin")
        _, tokens[who] = authorizations.authorize(control, user_id, description=who)
        actors[who] = authorizations.authenticate(control, tokens[who])
    for scope in ("identity", "read", "write", "read-protected", "write-protected"):
        _, tokens[scope] = authorizations.authorize(
            control, actors["owner"].user_id, description=scope, scope=(scope,)
        )
    world = World(control, Layout(folder, folder), actors, tokens)
    apps.create(control, actors["owner"], name="shop")
    world.deploy()
    formation.change(control, actors["owner"], "shop", [formation.Change("worker", "1")])
    world.add_dyno("shop", "web.1")
    world.add_dyno("shop", "worker.1")
    collaborators.add(control, actors["owner"], "shop", "friend@example.com")
    with control.store.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    world.close()
    return actors, tokens


def open_copy(template: Path, folder: Path, people: tuple[dict[str, Actor], dict[str, str]]) -> World:
    """A world of its own, made from the template."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template / "template.db", folder / "haibun.db")
    layout = Layout(folder / "data", folder / "run")
    return World(control_on(folder / "haibun.db"), layout, *people)
