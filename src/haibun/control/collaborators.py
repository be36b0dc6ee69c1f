"""Collaborators: let another user of the platform work on an app, or not any more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, insert, select

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.errors import NotFound, Refused
from haibun.store import collaborators as collaborator_rows
from haibun.store.tables import collaborators


def add(control: Control, actor: Actor, identity: str, user: str) -> Row[Any]:
    """Let the user (e-mail or id) work on the app; returns the user. Only the owner may."""
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "own")
        row = collaborator_rows.user(tx.conn, user)
        if row is None:
            raise Refused(f"{user[:100]} is no user of this platform. An admin can make the account first.")
        if row.id == app.owner_id or _has(tx.conn, app.id, row.id):
            raise Refused(f"{row.email} is already a collaborator on this app.")
        tx.conn.execute(
            insert(collaborators).values(app_id=app.id, user_id=row.id, created_at=control.clock.now())
        )
        control.say_api(tx, app.id, f"Add {row.email} as collaborator by user {actor.email}")
    return row


def remove(control: Control, actor: Actor, identity: str, user: str) -> Row[Any]:
    """Take the user's access away; returns the user. The owner may, and everyone for themselves."""
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        row = collaborator_rows.user(tx.conn, user)
        if row is None or not _has(tx.conn, app.id, row.id):
            raise NotFound("collaborator")
        if row.id != actor.user_id:
            app_for(tx.conn, actor, identity, "own")
        mine = (collaborators.c.app_id == app.id) & (collaborators.c.user_id == row.id)
        tx.conn.execute(delete(collaborators).where(mine))
        control.say_api(tx, app.id, f"Remove {row.email} as collaborator by user {actor.email}")
    return row


def _has(conn: Any, app_id: str, user_id: str) -> bool:
    mine = (collaborators.c.app_id == app_id) & (collaborators.c.user_id == user_id)
    return conn.execute(select(collaborators.c.user_id).where(mine)).first() is not None
