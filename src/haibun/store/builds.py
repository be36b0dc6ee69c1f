"""Builds: reading rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from haibun.store.paging import Span, within
from haibun.store.tables import builds, users

with_user = select(builds, users.c.email.label("user_email")).join(users, users.c.id == builds.c.user_id)


def find(conn: Connection, app_id: str, build_id: str) -> Row[Any] | None:
    return conn.execute(with_user.where(builds.c.app_id == app_id, builds.c.id == build_id)).first()


def page(conn: Connection, app_id: str, span: Span) -> list[Row[Any]]:
    """Builds of the app, cut by `id`."""
    return list(conn.execute(within(with_user.where(builds.c.app_id == app_id), builds.c.id, span)))


def of_app(conn: Connection, app_id: str, limit: int) -> list[Row[Any]]:
    """The app's builds, oldest first."""
    query = with_user.where(builds.c.app_id == app_id).order_by(builds.c.created_at, builds.c.id)
    return list(conn.execute(query.limit(limit)))
