"""The account of a user: read and change. Making users and tokens is in authorizations."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from haibun.control.context import Actor, Control
from haibun.control.gate import require_scope
from haibun.core.errors import NotFound
from haibun.store.tables import users


def account(control: Control, actor: Actor) -> Row[Any]:
    """The actor's own row."""
    require_scope(actor, "identity")
    with control.store.read() as conn:
        row = conn.execute(select(users).where(users.c.id == actor.user_id)).first()
    if row is None:
        raise NotFound("account")
    return row


def rename(control: Control, actor: Actor, name: str | None) -> Row[Any]:
    """Set the name that is shown beside the e-mail."""
    require_scope(actor, "account")
    with control.store.write() as tx:
        mine = users.c.id == actor.user_id
        values = {"name": name[:200] if name else None, "updated_at": control.clock.now()}
        tx.conn.execute(update(users).where(mine).values(**values))
        return tx.conn.execute(select(users).where(mine)).one()


def listed(control: Control) -> list[Row[Any]]:
    """All users of the platform, by e-mail: for admins."""
    with control.store.read() as conn:
        return list(conn.execute(select(users).order_by(users.c.email)))
