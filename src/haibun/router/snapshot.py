"""Reads the wanted routing table out of the store, and writes back what the router has seen of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from haibun.router.table import AppRoutes, RouteTable, Server, State
from haibun.store.engine import Tx
from haibun.store.tables import apps, domains, dynos, formation, releases, routes


def table(conn: Connection) -> RouteTable:
    """The routes of every live app."""
    hosts: dict[str, list[str]] = defaultdict(list)
    for row in conn.execute(select(domains.c.app_id, domains.c.hostname).order_by(domains.c.created_at)):
        hosts[row.app_id].append(row.hostname.lower())
    web = formation.c.type == "web"
    quantity = {row.app_id: row.quantity for row in conn.execute(select(formation).where(web))}
    attempts: dict[str, list[Any]] = defaultdict(list)
    alive = select(dynos).where(dynos.c.kind == "formation", dynos.c.type == "web", dynos.c.phase != "gone")
    for row in conn.execute(alive.order_by(dynos.c.created_at)):
        attempts[row.app_id].append(row)
    live = (
        select(apps.c.id, apps.c.name, apps.c.maintenance, releases.c.slug_id)
        .join(releases, releases.c.id == apps.c.release_id, isouter=True)
        .where(apps.c.deleted_at.is_(None))
        .order_by(apps.c.created_at)
    )
    return RouteTable(
        tuple(
            _routes(row, tuple(hosts[row.id]), quantity.get(row.id), attempts[row.id])
            for row in conn.execute(live)
        )
    )


def _routes(app: Any, hosts: tuple[str, ...], quantity: int | None, web: list[Any]) -> AppRoutes:
    servers = tuple(
        Server(row.name, row.id, row.ip, row.port, draining=row.phase == "retiring")
        for row in web
        if row.ip and row.port and (row.phase == "retiring" or (row.phase == "up" and row.serving))
    )
    return AppRoutes(app.id, app.name, hosts, _state(app, quantity, web, servers), servers)


def _state(app: Any, quantity: int | None, web: list[Any], servers: tuple[Server, ...]) -> State:
    if app.maintenance:
        return "maintenance"
    if app.slug_id is None:
        return "blank"
    if not quantity:
        return "no_web"
    if any(not server.draining for server in servers):
        return "serving"
    if web and all(row.phase in ("crashed", "retiring", "stopping") for row in web):
        return "crashed" if any(row.phase == "crashed" for row in web) else "starting"
    return "starting"


def report(tx: Tx, routed: Iterable[str], drained: Iterable[str], now: datetime) -> None:
    """Write which dynos get traffic and which have let go of their last request; tells the dynos room."""
    seen = dict.fromkeys(routed, "routed") | dict.fromkeys(drained, "drained")
    before = {row.dyno_id: row.state for row in tx.conn.execute(select(routes))}
    stale = before.keys() - seen.keys()
    if stale:
        tx.conn.execute(delete(routes).where(routes.c.dyno_id.in_(stale)))
    for dyno_id, state in seen.items():
        if before.get(dyno_id) != state:
            tx.conn.execute(delete(routes).where(routes.c.dyno_id == dyno_id))
            tx.conn.execute(insert(routes).values(dyno_id=dyno_id, state=state, updated_at=now))
    changed = stale | {dyno_id for dyno_id, state in seen.items() if before.get(dyno_id) != state}
    owners = tx.conn.execute(select(dynos.c.app_id).where(dynos.c.id.in_(changed)).distinct())
    for app_id in owners.scalars():
        tx.hint("dynos", app_id)
