"""Buildpacks of an app: an ordered list of names or URLs; none means detect."""

from __future__ import annotations

import re

from sqlalchemy import delete, insert, select

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.errors import Refused
from haibun.store.tables import buildpacks

REFERENCE = re.compile(r"(https://[^\s#]+(#[\w./-]+)?|(urn:buildpack:)?[a-z0-9-]+/[a-z0-9_.-]+)", re.IGNORECASE)


def read(control: Control, actor: Actor, identity: str) -> list[str]:
    with control.store.read() as conn:
        app = app_for(conn, actor, identity, "view")
        query = select(buildpacks.c.url).where(buildpacks.c.app_id == app.id)
        return list(conn.execute(query.order_by(buildpacks.c.ordinal)).scalars())


def replace(control: Control, actor: Actor, identity: str, urls: list[str]) -> list[str]:
    """Set the whole list. Refused if one is neither `owner/name` nor an https URL."""
    for url in urls:
        if not REFERENCE.fullmatch(url):
            raise Refused(f"{url[:100]!r} is not a buildpack: use a name like heroku/python or an https:// URL.")
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        tx.conn.execute(delete(buildpacks).where(buildpacks.c.app_id == app.id))
        for ordinal, url in enumerate(urls):
            name = url.removeprefix("urn:buildpack:")
            tx.conn.execute(insert(buildpacks).values(app_id=app.id, ordinal=ordinal, url=name))
    return read(control, actor, identity)
