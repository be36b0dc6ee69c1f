"""Domains: reading rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from haibun.kit.ids import is_id
from haibun.store.tables import domains


def of_app(conn: Connection, app_id: str) -> list[Row[Any]]:
    """The app's domains, its own first."""
    query = select(domains).where(domains.c.app_id == app_id)
    return list(conn.execute(query.order_by(domains.c.kind.desc(), domains.c.hostname)))


def find(conn: Connection, app_id: str, identity: str) -> Row[Any] | None:
    """The app's domain with that id or hostname."""
    column, value = (domains.c.id, identity) if is_id(identity) else (domains.c.hostname, identity.lower())
    return conn.execute(select(domains).where(domains.c.app_id == app_id, column == value)).first()
