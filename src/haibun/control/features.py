"""App features: switches that some rooms read. A switch that no room reads is not in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.errors import NotFound
from haibun.store.tables import features


@dataclass(frozen=True)
class Feature:
    """`state`: general (shown by `features`) or beta (shown by `labs`)."""

    name: str
    title: str
    description: str
    state: str = "general"


CATALOGUE = {
    feature.name: feature
    for feature in (Feature("preboot", "Preboot", "New web dynos get requests before the old ones are stopped"),)
}


def enabled(conn: Connection, app_id: str) -> set[str]:
    """Names of the features that are switched on."""
    query = select(features.c.name).where(features.c.app_id == app_id, features.c.enabled)
    return set(conn.execute(query).scalars())


def switch(control: Control, actor: Actor, identity: str, name: str, *, on: bool) -> None:
    """Switch a feature. NotFound if there is none of that name."""
    if name not in CATALOGUE:
        raise NotFound("feature")
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        tx.conn.execute(delete(features).where(features.c.app_id == app.id, features.c.name == name))
        tx.conn.execute(insert(features).values(app_id=app.id, name=name, enabled=on))
        for room in ("dynos", "router"):
            tx.hint(room, app.id)
