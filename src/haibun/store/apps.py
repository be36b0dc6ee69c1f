"""Apps: reading rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, or_, select

from haibun.kit.ids import is_id
from haibun.store.paging import Span, within
from haibun.store.tables import apps, collaborators, users

with_owner = select(apps, users.c.email.label("owner_email")).join(users, users.c.id == apps.c.owner_id)
live = with_owner.where(apps.c.deleted_at.is_(None))


def find(conn: Connection, identity: str) -> Row[Any] | None:
    """The live app with that id or name."""
    column = apps.c.id if is_id(identity) else apps.c.name
    return conn.execute(live.where(column == identity)).first()


def seen_by(conn: Connection, user_id: str | None) -> list[Row[Any]]:
    """Live apps that the user owns or collaborates on (None: all of them), by name."""
    query = live.order_by(apps.c.name)
    if user_id is not None:
        shared = select(collaborators.c.app_id).where(collaborators.c.user_id == user_id)
        query = query.where(or_(apps.c.owner_id == user_id, apps.c.id.in_(shared)))
    return list(conn.execute(query))


# Lists leave the sealed config vars out: they may be 64 KB an app.
listed = (
    select(*(column for column in apps.c if column.name != "config"), users.c.email.label("owner_email"))
    .join(users, users.c.id == apps.c.owner_id)
    .where(apps.c.deleted_at.is_(None))
)


def page(conn: Connection, user_id: str | None, field: str, span: Span) -> list[Row[Any]]:
    """Live apps that the user may see (None: all), without config vars, cut by `name` or `id`."""
    query = listed
    if user_id is not None:
        shared = select(collaborators.c.app_id).where(collaborators.c.user_id == user_id)
        query = query.where(or_(apps.c.owner_id == user_id, apps.c.id.in_(shared)))
    return list(conn.execute(within(query, apps.c[field], span)))


def ids(conn: Connection) -> list[str]:
    """Ids of all apps, those to be deleted too: what the loops walk."""
    return list(conn.execute(select(apps.c.id)).scalars())


def named(conn: Connection, user_id: str | None, identities: set[str]) -> list[Row[Any]]:
    """Those of the apps with these ids or names that the user may see (None: any), without config vars."""
    query = listed.where(or_(apps.c.id.in_(identities), apps.c.name.in_(identities))).order_by(apps.c.name)
    if user_id is not None:
        shared = select(collaborators.c.app_id).where(collaborators.c.user_id == user_id)
        query = query.where(or_(apps.c.owner_id == user_id, apps.c.id.in_(shared)))
    return list(conn.execute(query))
