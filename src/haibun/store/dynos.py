"""Dynos: attempts as the dynos room has seen them, the one-offs and restarts that are wanted, and routes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from haibun.store.engine import Tx
from haibun.store.tables import dynos, formation, one_offs, releases, restarts, routes


def of_app(conn: Connection, app_id: str) -> list[Row[Any]]:
    """Every attempt that is not gone, oldest first."""
    query = select(dynos).where(dynos.c.app_id == app_id, dynos.c.phase != "gone")
    return list(conn.execute(query.order_by(dynos.c.created_at, dynos.c.id)))


def listed(conn: Connection, app_id: str) -> list[Row[Any]]:
    """Every attempt that is not gone, with its `version` of release, oldest first."""
    query = select(dynos, releases.c.version).outerjoin(releases, releases.c.id == dynos.c.release_id)
    query = query.where(dynos.c.app_id == app_id, dynos.c.phase != "gone")
    return list(conn.execute(query.order_by(dynos.c.created_at, dynos.c.id)))


def one_offs_listed(conn: Connection, app_id: str) -> list[Row[Any]]:
    """One-offs that are wanted, with their `version` of release, oldest first."""
    query = select(one_offs, releases.c.version).outerjoin(releases, releases.c.id == one_offs.c.release_id)
    return list(conn.execute(query.where(one_offs.c.app_id == app_id).order_by(one_offs.c.created_at)))


def by_id(conn: Connection, dyno_id: str) -> Row[Any] | None:
    return conn.execute(select(dynos).where(dynos.c.id == dyno_id)).first()


def gone_of(conn: Connection, dyno_ids: list[str]) -> set[str]:
    """Those of the ids whose attempt has run and is gone."""
    query = select(dynos.c.id).where(dynos.c.id.in_(dyno_ids), dynos.c.phase == "gone")
    return set(conn.execute(query).scalars())


def wanted_ids(conn: Connection) -> set[str]:
    """Ids of all attempts that the runtime may still hold."""
    return set(conn.execute(select(dynos.c.id).where(dynos.c.phase.not_in(("gone", "crashed")))).scalars())


def add(tx: Tx, **values: Any) -> None:
    tx.conn.execute(insert(dynos).values(**values))


def change(tx: Tx, dyno_id: str, **values: Any) -> None:
    tx.conn.execute(update(dynos).where(dynos.c.id == dyno_id).values(**values))


def formation_of(conn: Connection, app_id: str) -> list[Row[Any]]:
    query = select(formation).where(formation.c.app_id == app_id).order_by(formation.c.type)
    return list(conn.execute(query))


def restarts_of(conn: Connection, app_id: str) -> list[Row[Any]]:
    return list(conn.execute(select(restarts).where(restarts.c.app_id == app_id)))


def one_offs_of(conn: Connection, app_id: str) -> list[Row[Any]]:
    return list(conn.execute(select(one_offs).where(one_offs.c.app_id == app_id)))


def one_off(conn: Connection, dyno_id: str) -> Row[Any] | None:
    return conn.execute(select(one_offs).where(one_offs.c.id == dyno_id)).first()


def routes_of(conn: Connection, dyno_ids: list[str]) -> dict[str, str]:
    """dyno id -> routed | drained, as the router has seen it."""
    rows = conn.execute(select(routes).where(routes.c.dyno_id.in_(dyno_ids)))
    return {row.dyno_id: row.state for row in rows}
