"""Apps: create, change, destroy."""

from __future__ import annotations

import random
import secrets
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for, require_scope
from haibun.control.releases import append_release
from haibun.core.errors import Refused
from haibun.core.names import ADJECTIVES, NOUNS, check_app_name
from haibun.kit.ids import new_id
from haibun.store import apps as app_rows
from haibun.store.engine import Tx
from haibun.store.tables import apps, domains

UNCHANGED: Any = object()


def create(control: Control, actor: Actor, *, name: str | None = None, stack: str | None = None) -> Row[Any]:
    """Make an app, with Heroku's first two releases (`Initial release`, `Enable Logplex`)."""
    require_scope(actor, "operate")
    if name is not None:
        check_app_name(name)
    stack = _check_stack(control, stack or control.platform.default_stack)
    now = control.clock.now()
    with control.store.write() as tx:
        name = name or _free_name(tx)
        _refuse_taken(tx, name)
        app_id = new_id()
        tx.conn.execute(
            insert(apps).values(
                id=app_id,
                name=name,
                owner_id=actor.user_id,
                uid_index=(tx.conn.execute(select(func.max(apps.c.uid_index))).scalar() or 0) + 1,
                stack=stack,
                build_stack=stack,
                config=control.seal_config({}),
                created_at=now,
                updated_at=now,
            )
        )
        tx.conn.execute(
            insert(domains).values(
                id=new_id(),
                app_id=app_id,
                hostname=f"{name}.{control.platform.domain}",
                kind="heroku",
                created_at=now,
                updated_at=now,
            )
        )
        app = tx.conn.execute(app_rows.live.where(apps.c.id == app_id)).one()
        for description in ("Initial release", "Enable Logplex"):
            append_release(control, tx, actor, app, description=description, slug_id=None)
            control.say_api(tx, app_id, f"{description} by user {actor.email}")
        tx.hint("router", app_id)
    return app


def change(
    control: Control,
    actor: Actor,
    identity: str,
    *,
    name: str | None = None,
    maintenance: bool | None = None,
    build_stack: str | None = None,
) -> Row[Any]:
    """Rename, switch maintenance, choose the stack of the next build."""
    now = control.clock.now()
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        values: dict[str, Any] = {}
        if name is not None and name != app.name:
            values["name"] = check_app_name(name)
            _refuse_taken(tx, name)
            tx.conn.execute(
                update(domains)
                .where(domains.c.app_id == app.id, domains.c.kind == "heroku")
                .values(hostname=f"{name}.{control.platform.domain}", updated_at=now)
            )
        if maintenance is not None:
            values["maintenance"] = maintenance
        if build_stack is not None:
            values["build_stack"] = _check_stack(control, build_stack)
        if values:
            tx.conn.execute(update(apps).where(apps.c.id == app.id).values(**values, updated_at=now))
            tx.hint("router", app.id)
        return tx.conn.execute(app_rows.live.where(apps.c.id == app.id)).one()


def destroy(control: Control, actor: Actor, identity: str) -> Row[Any]:
    """Say that the app is not wanted any more. Its name is free at once; the rooms clear the rest away."""
    now = control.clock.now()
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "own")
        tx.conn.execute(
            update(apps)
            .where(apps.c.id == app.id)
            .values(deleted_at=now, name=app.id.replace("-", "")[:30], release_id=None)
        )
        tx.conn.execute(domains.delete().where(domains.c.app_id == app.id))
        for room in ("builds", "dynos", "router"):
            tx.hint(room, app.id)
    return app


def purge(control: Control, app_id: str) -> None:
    """Forget a destroyed app whose dynos are gone."""
    with control.store.write() as tx:
        tx.conn.execute(apps.delete().where(apps.c.id == app_id, apps.c.deleted_at.is_not(None)))


def _check_stack(control: Control, stack: str) -> str:
    if stack not in control.platform.stacks:
        raise Refused(f"No such stack: {stack[:40]}. There are {', '.join(control.platform.stacks)}.")
    return stack


def _refuse_taken(tx: Tx, name: str) -> None:
    if tx.conn.execute(select(apps.c.id).where(apps.c.name == name)).first():
        raise Refused(f"Name {name} is already taken")


def _free_name(tx: Tx) -> str:
    while True:
        words = f"{random.choice(ADJECTIVES)}-{random.choice(NOUNS)}"  # noqa: S311 a name, not a secret
        name = f"{words}-{secrets.randbelow(100_000):05}"
        if not tx.conn.execute(select(apps.c.id).where(apps.c.name == name)).first():
            return name
