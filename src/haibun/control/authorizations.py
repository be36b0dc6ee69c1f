"""Users and their tokens. Tokens are kept as hashes; the text is shown once."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Row, delete, insert, select, update

from haibun.control.context import Actor, Control
from haibun.control.gate import require_scope
from haibun.core.errors import NotFound, Refused, Unauthorized
from haibun.kit.ids import new_id, new_token
from haibun.store.tables import authorizations, users

SCOPES = frozenset({"global", "identity", "read", "write", "read-protected", "write-protected"})
_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """A hash nobody's password has: an unknown e-mail takes as long as a wrong password. Made when it is first
    needed: it takes 64 MB and a fifth of a second of CPU, which three processes would pay at each start."""
    return _hasher.hash(new_token())


def hash_token(token: str) -> str:
    """Tokens are random, so one round of SHA-256 is enough to keep them unreadable at rest."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_user(control: Control, email: str, *, password: str | None = None, is_admin: bool = False) -> str:
    """Make a user and return the id. Refused if the e-mail is taken."""
    now = control.clock.now()
    with control.store.write() as tx:
        if tx.conn.execute(select(users).where(users.c.email == email)).first():
            raise Refused(f"{email} is already a user.")
        user_id = new_id()
        hashed = _hasher.hash(password) if password else None
        tx.conn.execute(
            insert(users).values(
                id=user_id, email=email, password_hash=hashed, is_admin=is_admin, created_at=now, updated_at=now
            )
        )
    return user_id


def authorize(
    control: Control,
    user_id: str,
    *,
    description: str,
    scope: tuple[str, ...] = ("global",),
    expires_in: int | None = None,
) -> tuple[Row[Any], str]:
    """Make a token for the user: (its row, the token's text, shown this once). expires_in: seconds."""
    if not scope or not set(scope) <= SCOPES:
        raise Refused(f"scope must be some of {', '.join(sorted(SCOPES))}.")
    now = control.clock.now()
    token = new_token()
    with control.store.write() as tx:
        row_id = new_id()
        tx.conn.execute(
            insert(authorizations).values(
                id=row_id,
                user_id=user_id,
                description=description[:200],
                scope=list(scope),
                token_hash=hash_token(token),
                token_hint=_hint(token),
                expires_at=now + timedelta(seconds=expires_in) if expires_in else None,
                created_at=now,
                updated_at=now,
            )
        )
        row = tx.conn.execute(select(authorizations).where(authorizations.c.id == row_id)).one()
    return row, token


def authenticate(control: Control, token: str) -> Actor:
    """Who holds this token. Unauthorized if nobody, or not any more."""
    query = (
        select(authorizations, users.c.email, users.c.is_admin)
        .join(users, users.c.id == authorizations.c.user_id)
        .where(authorizations.c.token_hash == hash_token(token))
    )
    with control.store.read() as conn:
        row = conn.execute(query).first()
    if row is None or (row.expires_at is not None and row.expires_at <= control.clock.now()):
        raise Unauthorized
    return Actor(row.user_id, row.email, row.is_admin, row.id, tuple(row.scope))


def check_password(control: Control, email: str, password: str) -> Actor:
    """Who has this e-mail and password. Unauthorized otherwise; takes the same time either way."""
    with control.store.read() as conn:
        row = conn.execute(select(users).where(users.c.email == email)).first()
    nobody = _nobody()
    try:
        _hasher.verify(row.password_hash if row and row.password_hash else nobody, password)
    except (Argon2Error, InvalidHashError):
        raise Unauthorized from None
    if row is None:
        raise Unauthorized
    return Actor(row.id, row.email, row.is_admin)


def of_user(control: Control, actor: Actor) -> list[Row[Any]]:
    """The actor's authorizations, oldest first."""
    query = select(authorizations).where(authorizations.c.user_id == actor.user_id)
    with control.store.read() as conn:
        return list(conn.execute(query.order_by(authorizations.c.created_at)))


def revoke(control: Control, actor: Actor, authorization_id: str) -> Row[Any]:
    """Take a token away; returns what it was. `~` is the one that asks."""
    wanted = actor.authorization_id if authorization_id == "~" else authorization_id
    with control.store.write() as tx:
        mine = (authorizations.c.id == wanted) & (authorizations.c.user_id == actor.user_id)
        row = tx.conn.execute(select(authorizations).where(mine)).first()
        if row is None:
            raise NotFound("authorization")
        tx.conn.execute(delete(authorizations).where(mine))
    return row


def delegate(
    control: Control, actor: Actor, *, description: str, scope: tuple[str, ...], expires_in: int | None
) -> tuple[Row[Any], str]:
    """authorize() for somebody who asks by the API: no token makes one that reaches further than itself."""
    require_scope(actor, "account")
    return authorize(control, actor.user_id, description=description, scope=scope, expires_in=expires_in)


def regenerate(control: Control, actor: Actor, authorization_id: str) -> tuple[Row[Any], str]:
    """Put a new token in the place of the old one, which is void at once: (row, the token's text)."""
    require_scope(actor, "account")
    token = new_token()
    mine = (authorizations.c.id == authorization_id) & (authorizations.c.user_id == actor.user_id)
    with control.store.write() as tx:
        tx.conn.execute(
            update(authorizations)
            .where(mine)
            .values(token_hash=hash_token(token), token_hint=_hint(token), updated_at=control.clock.now())
        )
        row = tx.conn.execute(select(authorizations).where(mine)).first()
        if row is None:
            raise NotFound("authorization")
    return row, token


def _hint(token: str) -> str:
    """What a list shows of a token: enough to tell it from others (the stock CLI matches it on logout)."""
    return f"{token[:9]}**********{token[-4:]}"
