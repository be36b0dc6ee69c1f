"""Releases and slugs: reading rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, select

from haibun.kit.ids import is_id
from haibun.store.paging import Span, within
from haibun.store.tables import apps, releases, slugs, users

with_user = select(releases, users.c.email.label("user_email")).join(users, users.c.id == releases.c.user_id)


def find(conn: Connection, app_id: str, identity: str) -> Row[Any] | None:
    """The app's release with that id or version number (`3` or `v3`)."""
    query = with_user.where(releases.c.app_id == app_id)
    if is_id(identity):
        return conn.execute(query.where(releases.c.id == identity)).first()
    number = identity.removeprefix("v")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    return conn.execute(query.where(releases.c.version == int(number))).first()


def of_app(conn: Connection, app_id: str) -> list[Row[Any]]:
    """All releases of the app, oldest first."""
    query = with_user.where(releases.c.app_id == app_id).order_by(releases.c.version)
    return list(conn.execute(query))


def page(conn: Connection, app_id: str, field: str, span: Span) -> list[Row[Any]]:
    """Releases of the app without their config vars, cut by `version` or `id`."""
    columns = (column for column in releases.c if column.name != "config")
    query = select(*columns, users.c.email.label("user_email")).join(users, users.c.id == releases.c.user_id)
    return list(conn.execute(within(query.where(releases.c.app_id == app_id), releases.c[field], span)))


def by_id(conn: Connection, release_id: str | None) -> Row[Any] | None:
    return conn.execute(with_user.where(releases.c.id == release_id)).first() if release_id else None


def newest_version(conn: Connection, app_id: str) -> int:
    """0 if there is none."""
    query = select(func.max(releases.c.version)).where(releases.c.app_id == app_id)
    return conn.execute(query).scalar() or 0


def current_version(conn: Connection, app_id: str) -> int:
    """Of the release whose dynos are wanted; 0 if there is none."""
    query = select(releases.c.version).join(apps, apps.c.release_id == releases.c.id)
    return conn.execute(query.where(apps.c.id == app_id)).scalar() or 0


def slug(conn: Connection, slug_id: str | None) -> Row[Any] | None:
    return conn.execute(select(slugs).where(slugs.c.id == slug_id)).first() if slug_id else None


def process_types(conn: Connection, release_id: str | None) -> dict[str, str]:
    """Process type -> command of a release; empty without a slug."""
    query = select(slugs.c.process_types).join(releases, releases.c.slug_id == slugs.c.id)
    return dict(conn.execute(query.where(releases.c.id == release_id)).scalar() or {}) if release_id else {}
