"""Collaborators: who but the owner has an app."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from haibun.kit.ids import is_id
from haibun.store.tables import collaborators, users


def of_app(conn: Connection, app_id: str) -> list[Row[Any]]:
    """(user_id, email, created_at) of each, by e-mail."""
    query = select(collaborators.c.user_id, users.c.email, collaborators.c.created_at)
    query = query.join(users, users.c.id == collaborators.c.user_id).where(collaborators.c.app_id == app_id)
    return list(conn.execute(query.order_by(users.c.email)))


def user(conn: Connection, identity: str) -> Row[Any] | None:
    """The user with that id or e-mail."""
    column = users.c.id if is_id(identity) else users.c.email
    return conn.execute(select(users).where(column == identity)).first()
