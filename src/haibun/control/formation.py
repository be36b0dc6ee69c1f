"""Formation: scale and resize."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import select, update

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.dyno import size_named
from haibun.core.errors import NotFound, Refused
from haibun.store.tables import formation

QUANTITY = re.compile(r"([+-]?)(\d{1,4})")
MOST_DYNOS_PER_TYPE = 100


@dataclass(frozen=True)
class Change:
    """Of one process type. quantity: `2`, `+1` or `-1` (the CLI sends text), None leaves it."""

    type: str
    quantity: str | None = None
    size: str | None = None


def change(control: Control, actor: Actor, identity: str, changes: list[Change]) -> None:
    """Apply all changes or none. NotFound names a process type that the app has not."""
    now = control.clock.now()
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        rows = {row.type: row for row in tx.conn.execute(select(formation).where(formation.c.app_id == app.id))}
        for item in changes:
            row = rows.get(item.type)
            if row is None:
                raise NotFound(f"process type ({item.type[:63]})")
            tx.conn.execute(
                update(formation)
                .where(formation.c.app_id == app.id, formation.c.type == item.type)
                .values(
                    quantity=_quantity(row.quantity, item.quantity),
                    size=size_named(item.size).name if item.size else row.size,
                    updated_at=now,
                )
            )
        after = tx.conn.execute(select(formation).where(formation.c.app_id == app.id).order_by(formation.c.type))
        text = " ".join(f"{row.type}@{row.quantity}:{row.size}" for row in after)
        control.say_api(tx, app.id, f"Scaled to {text} by user {actor.email}")
        for room in ("dynos", "router"):
            tx.hint(room, app.id)


def _quantity(now: int, asked: str | None) -> int:
    if asked is None:
        return now
    match = QUANTITY.fullmatch(asked)
    if not match:
        raise Refused(f"{asked[:20]!r} is not a quantity: use a number, +number or -number.")
    number = int(match[2])
    wanted = {"": number, "+": now + number, "-": max(0, now - number)}[match[1]]
    if wanted > MOST_DYNOS_PER_TYPE:
        raise Refused(f"A process type may have at most {MOST_DYNOS_PER_TYPE} dynos.")
    return wanted
