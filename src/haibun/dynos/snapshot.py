"""Reads one app's snapshot for the planner out of the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from haibun.dynos.model import Attempt, OneOffWanted, Snapshot, TypeWanted
from haibun.store import dynos as rows
from haibun.store import releases as release_rows
from haibun.store.tables import apps, features


def read(
    conn: Connection, app_id: str, now: datetime, *, busy: frozenset[str], clients: frozenset[str]
) -> Snapshot | None:
    """The app as it is now; None if there is no such row. busy: attempts with an operation under way;
    clients: one-offs whose client is connected."""
    app = conn.execute(select(apps).where(apps.c.id == app_id)).first()
    if app is None:
        return None
    attempts = rows.of_app(conn, app_id)
    seen = rows.routes_of(conn, [row.id for row in attempts])
    commands = release_rows.process_types(conn, app.release_id)
    one_offs = rows.one_offs_of(conn, app_id)
    ended = rows.gone_of(conn, [row.id for row in one_offs])
    return Snapshot(
        app_id=app_id,
        now=now,
        release_id=app.release_id if commands else None,
        deleted=app.deleted_at is not None,
        preboot=_preboot(conn, app_id),
        types=tuple(
            TypeWanted(row.type, row.quantity, row.size, commands[row.type])
            for row in rows.formation_of(conn, app_id)
            if row.type in commands
        ),
        restarts={row.target: row.requested_at for row in rows.restarts_of(conn, app_id)},
        one_offs=tuple(_one_off(row, clients, row.id in ended) for row in one_offs),
        attempts=tuple(_attempt(row, seen.get(row.id), row.id in busy) for row in attempts),
    )


def _preboot(conn: Connection, app_id: str) -> bool:
    query = select(features.c.enabled).where(features.c.app_id == app_id, features.c.name == "preboot")
    enabled = conn.execute(query).scalar()
    return enabled is not False


def _attempt(row: Row[Any], route: str | None, busy: bool) -> Attempt:
    return Attempt(
        id=row.id,
        name=row.name,
        type=row.type,
        kind=row.kind,
        release_id=row.release_id,
        size=row.size,
        phase=row.phase,
        serving=row.serving,
        created_at=row.created_at,
        since=row.updated_at,
        crashes=row.crashes,
        retry_at=row.retry_at,
        route=route,
        busy=busy,
    )


def _one_off(row: Row[Any], clients: frozenset[str], ended: bool) -> OneOffWanted:
    return OneOffWanted(
        id=row.id,
        name=row.name,
        kind=row.kind,
        created_at=row.created_at,
        ready=not row.attach or row.id in clients,
        stop=row.stop_requested_at is not None,
        time_to_live=row.time_to_live,
        ended=ended,
    )
