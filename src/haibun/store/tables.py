"""Every table of the store. Columns marked `seen` are written by the room named; all others by control only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC datetimes out, on engines that forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> Any:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# SQLite counts only INTEGER primary keys up by itself.
Counter = BigInteger().with_variant(Integer, "sqlite")
ID = String(36)


def _app(**more: Any) -> Column[Any]:
    return Column("app_id", ID, ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, **more)


users = Table(
    "users",
    metadata,
    Column("id", ID, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", Text),
    Column("password_hash", Text),
    Column("is_admin", Boolean, nullable=False, default=False),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)

authorizations = Table(
    "authorizations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("user_id", ID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("token_hint", String(32), nullable=False),
    Column("expires_at", Utc),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)

apps = Table(
    "apps",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(30), nullable=False, unique=True),
    Column("owner_id", ID, ForeignKey("users.id"), nullable=False, index=True),
    Column("uid_index", Integer, nullable=False, unique=True),
    Column("stack", String(40), nullable=False),
    Column("build_stack", String(40), nullable=False),
    Column("maintenance", Boolean, nullable=False, default=False),
    Column("buildpack_provided_description", Text),
    Column("release_id", ID),  # the release whose dynos are wanted; null before the first
    Column("released_at", Utc),
    Column("repo_size", BigInteger),
    Column("slug_size", BigInteger),
    Column("config", Text, nullable=False),  # sealed {key: value}
    Column("deleted_at", Utc),  # wanted gone; rooms clean up, then the row goes
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)

collaborators = Table(
    "collaborators",
    metadata,
    _app(primary_key=True),
    Column("user_id", ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", Utc, nullable=False),
)

buildpacks = Table(
    "buildpacks",
    metadata,
    _app(primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("url", Text, nullable=False),
)

features = Table(
    "features",
    metadata,
    _app(primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("enabled", Boolean, nullable=False),
)

domains = Table(
    "domains",
    metadata,
    Column("id", ID, primary_key=True),
    _app(index=True),
    Column("hostname", String(253), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)

builds = Table(
    "builds",
    metadata,
    Column("id", ID, primary_key=True),
    _app(index=True),
    Column("user_id", ID, ForeignKey("users.id"), nullable=False),
    Column("source_id", ID, nullable=False),
    Column("source_version", String(100)),
    Column("stack", String(40), nullable=False),
    Column("buildpacks", JSON, nullable=False),
    Column("status", String(10), nullable=False),  # pending, succeeded, failed
    Column("cancel_requested_at", Utc),
    Column("dyno_id", ID),
    Column("slug_id", ID),
    Column("release_id", ID),
    Column("reason", Text),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)
# One build per app at a time is a fact of the store, not a hope of the code.
Index(
    "uq_builds_one_pending",
    builds.c.app_id,
    unique=True,
    sqlite_where=builds.c.status == "pending",
    postgresql_where=builds.c.status == "pending",
)

slugs = Table(
    "slugs",
    metadata,
    Column("id", ID, primary_key=True),
    _app(index=True),
    Column("commit", String(100)),
    Column("process_types", JSON, nullable=False),
    Column("stack", String(40), nullable=False),
    Column("size", BigInteger),
    Column("checksum", String(80)),
    Column("buildpack_provided_description", Text),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("id", ID, primary_key=True),
    _app(),
    Column("version", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("status", String(10), nullable=False),  # pending, succeeded, failed
    Column("user_id", ID, ForeignKey("users.id"), nullable=False),
    Column("slug_id", ID),
    Column("config", Text, nullable=False),  # sealed snapshot
    Column("dyno_id", ID),  # of the release phase
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    UniqueConstraint("app_id", "version"),
)

formation = Table(
    "formation",
    metadata,
    _app(primary_key=True),
    Column("type", String(63), primary_key=True),
    Column("id", ID, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("size", String(32), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
)

restarts = Table(
    "restarts",
    metadata,
    _app(primary_key=True),
    Column("target", String(80), primary_key=True),  # '' = all, 'web', 'web.1'
    Column("requested_at", Utc, nullable=False),
)

one_offs = Table(
    "one_offs",
    metadata,
    Column("id", ID, primary_key=True),  # the dyno's id
    _app(index=True),
    Column("name", String(80), nullable=False),
    Column("type", String(63), nullable=False),
    Column("kind", String(10), nullable=False),  # run, release, build
    Column("command", Text, nullable=False),
    Column("size", String(32), nullable=False),
    Column("env", Text, nullable=False),  # sealed, beside the config vars
    Column("release_id", ID),
    Column("build_id", ID),
    Column("attach", Boolean, nullable=False),
    Column("tty", Boolean, nullable=False),
    Column("secret_hash", String(64)),
    Column("time_to_live", Integer),
    Column("stop_requested_at", Utc),
    Column("created_at", Utc, nullable=False),
)

dynos = Table(  # seen; the dynos room
    "dynos",
    metadata,
    Column("id", ID, primary_key=True),
    _app(index=True),
    Column("name", String(80), nullable=False),
    Column("type", String(63), nullable=False),
    Column("kind", String(10), nullable=False),  # formation, run, release, build
    Column("release_id", ID),
    Column("command", Text, nullable=False),
    Column("size", String(32), nullable=False),
    Column("phase", String(10), nullable=False),
    Column("serving", Boolean, nullable=False, default=False),
    Column("ip", String(45)),
    Column("port", Integer),
    Column("exit_code", Integer),
    Column("crashes", Integer, nullable=False, default=0),
    Column("retry_at", Utc),
    Column("result", Text),
    Column("created_at", Utc, nullable=False),
    Column("up_at", Utc),
    Column("updated_at", Utc, nullable=False),
)

routes = Table(  # seen; the router
    "routes",
    metadata,
    Column("dyno_id", ID, primary_key=True),
    Column("state", String(10), nullable=False),  # routed, drained
    Column("updated_at", Utc, nullable=False),
)

log_events = Table(  # a queue from control and the rooms to logplex, which takes rows away
    "log_events",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("app_id", ID, nullable=False),
    Column("at", Utc, nullable=False),
    Column("source", String(10), nullable=False),
    Column("ps", String(80), nullable=False),
    Column("text", Text, nullable=False),
    sqlite_autoincrement=True,
)
