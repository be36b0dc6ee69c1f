"""Domains: add and remove an app's own hostnames."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.errors import NotFound, Refused
from haibun.kit.ids import new_id
from haibun.store import domains as domain_rows
from haibun.store.tables import domains

HOSTNAME = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MOST_DOMAINS = 1000


def add(control: Control, actor: Actor, identity: str, hostname: str) -> Row[Any]:
    """Let the app answer for a hostname, once. Refused if it is no hostname or somebody has it."""
    hostname = _check(control, hostname.lower().removesuffix("."))
    now = control.clock.now()
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        other = tx.conn.execute(select(domains.c.app_id).where(domains.c.hostname == hostname)).scalar()
        if other is not None:
            where = "already a domain of this app" if other == app.id else "in use by another app"
            raise Refused(f"{hostname} is {where}.")
        count = select(func.count()).select_from(domains).where(domains.c.app_id == app.id)
        if (tx.conn.execute(count).scalar() or 0) >= MOST_DOMAINS:
            raise Refused(f"An app may have at most {MOST_DOMAINS} domains. Remove one first.")
        domain_id = new_id()
        tx.conn.execute(
            insert(domains).values(
                id=domain_id, app_id=app.id, hostname=hostname, kind="custom", created_at=now, updated_at=now
            )
        )
        tx.hint("router", app.id)
        return tx.conn.execute(select(domains).where(domains.c.id == domain_id)).one()


def remove(control: Control, actor: Actor, identity: str, domain: str) -> Row[Any]:
    """Take a hostname (or its id) from the app; returns what it was. The app's own stays."""
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        row = domain_rows.find(tx.conn, app.id, domain)
        if row is None:
            raise NotFound("domain")
        if row.kind == "heroku":
            raise Refused(f"{row.hostname} belongs to the app and cannot be removed. Rename the app to change it.")
        tx.conn.execute(delete(domains).where(domains.c.id == row.id))
        tx.hint("router", app.id)
    return row


def _check(control: Control, hostname: str) -> str:
    if len(hostname) > 253 or not HOSTNAME.fullmatch(hostname):
        raise Refused(
            f"{hostname[:100]!r} is not a hostname like www.example.com or *.example.com. "
            "Write letters outside of ASCII in their xn-- form."
        )
    own = control.platform.domain
    if hostname == own or hostname.endswith(f".{own}"):
        raise Refused(f"Names under {own} belong to the platform: {hostname} cannot be added.")
    return hostname
