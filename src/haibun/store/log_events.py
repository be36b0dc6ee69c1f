"""Lines that the platform itself says in an app's log, until logplex has taken them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from haibun.store.engine import Tx
from haibun.store.tables import log_events


def say(tx: Tx, app_id: str, at: datetime, source: str, ps: str, text: str) -> None:
    """Queue one line `<source>[<ps>]: <text>`; what a user put into the text cannot begin another line.

    Ids grow in the order of the commits, on PostgreSQL too: writers come one after the other (Store.write), so
    whoever takes lines by id never passes over one that is committed later.
    """
    text = text[:10_000].replace("\r", " ").replace("\n", " ")
    tx.conn.execute(insert(log_events).values(app_id=app_id, at=at, source=source, ps=ps, text=text))
    tx.hint("logplex", app_id)


Line = tuple[int, str, datetime, str, str, str]
"""(id, app_id, at, source, ps, text)"""


def take(conn: Connection, limit: int = 1000) -> list[Line]:
    """The oldest lines; they stay until forget()."""
    rows = conn.execute(select(log_events).order_by(log_events.c.id).limit(limit))
    return [(row.id, row.app_id, row.at, row.source, row.ps, row.text) for row in rows]


def forget(tx: Tx, up_to_id: int) -> None:
    """Drop the lines up to and including this id."""
    tx.conn.execute(delete(log_events).where(log_events.c.id <= up_to_id))
