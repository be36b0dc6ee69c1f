"""What the store promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from haibun.control import apps as app_verbs
from haibun.control import authorizations, builds, config_vars, dynos
from haibun.control.context import Actor, Control, Platform
from haibun.core.errors import Refused
from haibun.kit.clock import SystemClock
from haibun.kit.ids import new_id
from haibun.store import apps as app_rows
from haibun.store import log_events, migrate, releases
from haibun.store.engine import Store
from haibun.store.paging import Span
from haibun.store.tables import apps as apps_table
from haibun.store.tables import builds as builds_table
from haibun.store.tables import metadata, users
from haibun.wire.sealed import Sealer

PLATFORM = Platform(
    "a.example", "http://{app}.a.example/", "a.example", "http://a.example", "a.example:1", "s", ("s",)
)
Hints = list[tuple[str, str]]


class StoreOnTrial(Store):
    """A migrated store that remembers the hints it sent."""

    def __init__(self, url: str) -> None:
        self.sent: Hints = []
        super().__init__(url, lambda hints: self.sent.extend(hints))
        migrate.upgrade(self)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/haibun.db"
        return
    template = request.getfixturevalue("postgres_url")
    name = "t" + new_id().replace("-", "")
    server = create_engine(template.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield template.format(name=name)
    finally:
        with server.connect() as conn:
            conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@pytest.fixture
def store(url: str) -> Iterator[StoreOnTrial]:
    store = StoreOnTrial(url)
    yield store
    store.close()


@pytest.fixture
def control(store: StoreOnTrial) -> Control:
    return Control(store, Sealer(b"k" * 32), SystemClock(), PLATFORM)


@pytest.fixture
def actor(control: Control) -> Actor:
    return Actor(authorizations.create_user(control, "me@example.com"), "me@example.com")


def test_migrations_make_what_the_tables_say(store: StoreOnTrial) -> None:
    migrate.upgrade(store)  # a second time changes nothing
    with store.engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_hints_go_out_after_the_commit_and_only_then(store: StoreOnTrial) -> None:
    with store.write() as tx:
        for _ in range(2):
            tx.hint("dynos", "a")
        tx.hint("router", "a")
        assert store.sent == []
    assert store.sent == [("dynos", "a"), ("router", "a")]


def test_an_error_rolls_back_and_sends_nothing(store: StoreOnTrial) -> None:
    def fail() -> None:
        with store.write() as tx:
            add_user(tx.conn, "gone@example.com")
            tx.hint("dynos", "a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as conn:
        assert conn.execute(select(users)).first() is None
    assert store.sent == []


def test_writers_come_one_after_the_other(store: StoreOnTrial) -> None:
    with store.write() as tx:
        user_id = add_user(tx.conn, "0")

    def count_up() -> None:
        for _ in range(20):
            with store.write() as tx:
                # read, think, write: without one order of writers some of these would be lost
                name = int(tx.conn.execute(select(users.c.email).where(users.c.id == user_id)).scalar_one())
                time.sleep(0.001)
                tx.conn.execute(update(users).where(users.c.id == user_id).values(email=str(name + 1)))

    threads = [threading.Thread(target=count_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with store.read() as conn:
        assert conn.execute(select(users.c.email)).scalar_one() == "40"


def test_a_reader_does_not_wait_for_a_writer_and_sees_only_what_is_committed(store: StoreOnTrial) -> None:
    with store.write() as tx:
        add_user(tx.conn, "me@example.com")
        began = time.monotonic()
        with store.read() as conn:
            assert conn.execute(select(users)).first() is None
        assert time.monotonic() - began < 5
    with store.read() as conn:
        assert conn.execute(select(users)).first() is not None


def test_one_pending_build_per_app(control: Control, actor: Actor) -> None:
    app = app_verbs.create(control, actor, name="shop")
    first = builds.create(control, actor, "shop", source_id=new_id(), source_version=None)
    with pytest.raises(Refused) as refused:
        builds.create(control, actor, "shop", source_id=new_id(), source_version=None)
    assert refused.value.status == 409
    with control.store.read() as conn:
        row = dict(conn.execute(select(builds_table)).mappings().one()) | {"id": new_id()}
    with control.store.write() as tx, pytest.raises(IntegrityError):
        tx.conn.execute(insert(builds_table).values(**row))
    builds.fail(control, first.id, "because")
    assert builds.create(control, actor, app.id, source_id=new_id(), source_version=None).status == "pending"


def test_two_who_take_one_name_at_once(control: Control, actor: Actor) -> None:
    outcomes: list[str] = []

    def take() -> None:
        try:
            outcomes.append(app_verbs.create(control, actor, name="shop").name)
        except Refused as refused:
            outcomes.append(refused.message)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["Name shop is already taken"] * 3 + ["shop"]


def test_config_vars_are_sealed_at_rest(control: Control, actor: Actor) -> None:
    app = app_verbs.create(control, actor, name="shop")
    config_vars.change(control, actor, "shop", {"SECRET_KEY": "hunter2-plain"})
    everything = dump(control.store)
    assert "hunter2-plain" not in everything
    assert "SECRET_KEY config vars" in everything  # the name is in the release's description, the value is not
    with control.store.read() as conn:
        newest = releases.find(conn, app.id, "v3")
    assert newest is not None
    assert control.open_config(newest.config) == {"SECRET_KEY": "hunter2-plain"}
    with pytest.raises(ValueError, match="sealed"):
        Sealer(b"another key, of another platform!").open(newest.config)


def test_tokens_passwords_and_the_env_of_a_run_are_not_kept_as_text(control: Control, actor: Actor) -> None:
    user_id = authorizations.create_user(control, "you@example.com", password="hunter2-plain")
    _, token = authorizations.authorize(control, user_id, description="x")
    app_verbs.create(control, actor, name="shop")
    build = builds.create(control, actor, "shop", source_id=new_id(), source_version=None)
    slug = {"id": new_id(), "process_types": {}, "size": 1, "checksum": "", "buildpack_provided_description": ""}
    builds.finish(control, build.id, slug, [])
    asked = dynos.OneOff("bash", attach=True, env={"PASSWORD": "hunter2-plain"})
    _, secret = dynos.run(control, actor, "shop", asked)
    everything = dump(control.store)
    assert secret is not None
    for text_ in (token, secret, "hunter2-plain"):
        assert text_ not in everything


def test_times_are_aware_and_utc(store: StoreOnTrial) -> None:
    tokyo = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone(timedelta(hours=9)))
    with store.write() as tx:
        add_user(tx.conn, "me@example.com", at=tokyo)
    with store.read() as conn:
        found = conn.execute(select(users.c.created_at)).scalar_one()
    assert found == tokyo
    assert found.tzinfo == UTC


def test_a_destroyed_app_takes_its_rows_with_it(control: Control, actor: Actor) -> None:
    app = app_verbs.create(control, actor, name="shop")
    app_verbs.destroy(control, actor, "shop")
    app_verbs.purge(control, app.id)
    tables = [table for table in metadata.sorted_tables if "app_id" in table.c and table.name != "log_events"]
    with control.store.read() as conn:
        assert [table.name for table in tables if conn.execute(select(table)).first()] == []


def test_log_events_come_in_order_and_are_forgotten(control: Control, store: StoreOnTrial) -> None:
    now = control.clock.now()
    with store.write() as tx:
        for number in range(5):
            log_events.say(tx, "a", now, "app", "api", f"line {number}")
    with store.read() as conn:
        lines = log_events.take(conn, 3)
    assert [line[5] for line in lines] == ["line 0", "line 1", "line 2"]
    with store.write() as tx:
        log_events.forget(tx, lines[-1][0])
        log_events.say(tx, "a", now, "app", "api", "line 5")
    with store.read() as conn:
        assert [line[5] for line in log_events.take(conn)] == ["line 3", "line 4", "line 5"]


def test_pages_of_apps_and_releases(control: Control, actor: Actor) -> None:
    for number in range(4):
        app = app_verbs.create(control, actor, name=f"app-{number}")
    with control.store.read() as conn:
        after = app_rows.page(conn, actor.user_id, "name", Span(first="app-1", after_first=True, limit=1))
        down = releases.page(conn, app.id, "version", Span(descending=True, limit=1))
        none = app_rows.page(conn, new_id(), "name", Span())
    assert [row.name for row in after] == ["app-2", "app-3"]  # one more than the limit says that there are more
    assert [row.version for row in down] == [2, 1]
    assert none == []
    assert "config" not in after[0]._mapping


def test_names_are_free_again_at_once(control: Control, actor: Actor) -> None:
    app_verbs.create(control, actor, name="shop")
    app_verbs.destroy(control, actor, "shop")
    again = app_verbs.create(control, actor, name="shop")
    with control.store.read() as conn:
        uids = list(conn.execute(select(apps_table.c.uid_index).order_by(apps_table.c.uid_index)).scalars())
    assert again.name == "shop"
    assert len(set(uids)) == 2


def add_user(conn: Any, email: str, at: datetime | None = None) -> str:
    user_id = new_id()
    at = at or datetime.now(UTC)
    conn.execute(insert(users).values(id=user_id, email=email, is_admin=False, created_at=at, updated_at=at))
    return user_id


def dump(store: Store) -> str:
    """Every row of every table, as text."""
    with store.read() as conn:
        return "\n".join(str(row) for table in metadata.sorted_tables for row in conn.execute(select(table)))
