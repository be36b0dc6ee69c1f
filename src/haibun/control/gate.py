"""The access gate: deny by default. Every verb and every read of an app goes through app_for()."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from haibun.control.context import Actor
from haibun.core.errors import NotFound, Refused
from haibun.store import apps as app_rows
from haibun.store.tables import collaborators

READ_SCOPES = frozenset({"global", "read", "write", "read-protected", "write-protected"})
WRITE_SCOPES = frozenset({"global", "write", "write-protected"})
SECRET_SCOPES = frozenset({"global", "read-protected", "write-protected"})
SCOPES_FOR = {
    "identity": READ_SCOPES | {"identity"},
    "view": READ_SCOPES,
    "secrets": SECRET_SCOPES,
    "change_secrets": frozenset({"global", "write-protected"}),
    "account": frozenset({"global"}),
}
OWNER_ONLY = frozenset({"own"})


def require_scope(actor: Actor, need: str) -> None:
    """`need` is identity, view, secrets, change_secrets, operate, own or account (the user's own tokens).

    Refused (403) if the token does not reach so far.
    """
    if not set(actor.scope) & SCOPES_FOR.get(need, WRITE_SCOPES):
        raise Refused(
            f"This token's scope ({', '.join(actor.scope)}) does not allow that. Use one with a wider scope.",
            id="forbidden",
            status=403,
        )


def app_for(conn: Connection, actor: Actor, identity: str, need: str) -> Row[Any]:
    """The app with that id or name, if the actor may do what is needed (view, operate, own … as above).

    NotFound if there is none or the actor may not know of it.
    """
    app = app_rows.find(conn, identity)
    if app is None or not _may_see(conn, actor, app):
        raise NotFound("app")
    require_scope(actor, need)
    if need in OWNER_ONLY and not (actor.is_admin or app.owner_id == actor.user_id):
        raise Refused("You do not have access to do that on this app.", id="forbidden", status=403)
    return app


def _may_see(conn: Connection, actor: Actor, app: Row[Any]) -> bool:
    if actor.is_admin or app.owner_id == actor.user_id:
        return True
    shared = select(collaborators).where(
        collaborators.c.app_id == app.id, collaborators.c.user_id == actor.user_id
    )
    return conn.execute(shared).first() is not None
