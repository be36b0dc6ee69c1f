"""Authorizations: the caller's tokens. A token's text is in the answer that makes it and nowhere else."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sqlalchemy import Row

from haibun.api.call import Call
from haibun.control import authorizations as verbs
from haibun.core.errors import NotFound
from haibun.kit.clock import iso

LONGEST_SECONDS = 10 * 365 * 86_400


class Create(msgspec.Struct):
    description: str | None = None
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SECONDS)] | None = None
    scope: list[str] = msgspec.field(default_factory=lambda: ["global"])


def shape(call: Call, row: Row[Any], token: str | None = None) -> dict[str, Any]:
    """Heroku's authorization object; without `token` a hint of it, by which the CLI knows its own."""
    left = None
    if row.expires_at is not None:
        left = max(0, int((row.expires_at - call.control.clock.now()).total_seconds()))
    return {
        "access_token": {"expires_in": left, "id": row.id, "token": token or row.token_hint, "version": 1},
        "client": None,
        "created_at": iso(row.created_at),
        "description": row.description,
        "grant": None,
        "id": row.id,
        "refresh_token": None,
        "scope": row.scope,
        "session": None,
        "updated_at": iso(row.updated_at),
        "user": {"email": call.actor.email, "full_name": None, "id": call.actor.user_id},
    }


def listed(call: Call) -> list[dict[str, Any]]:
    return [shape(call, row) for row in verbs.of_user(call.control, call.actor)]


def info(call: Call) -> dict[str, Any]:
    for authorization in listed(call):
        if authorization["id"] == call.params["authorization"]:
            return authorization
    raise NotFound("authorization")


def create(call: Call) -> dict[str, Any]:
    """With a token of global scope, or with e-mail and password: the CLI's `login -i`."""
    body: Create = call.body
    row, token = verbs.delegate(
        call.control,
        call.actor,
        description=body.description or "Long-lived user authorization",
        scope=tuple(body.scope),
        expires_in=body.expires_in,
    )
    return shape(call, row, token)


def revoke(call: Call) -> dict[str, Any]:
    return shape(call, verbs.revoke(call.control, call.actor, call.params["authorization"]))


def revoke_own(call: Call) -> dict[str, Any]:
    """Haibun's own meaning of `~`: the token that asks."""
    return shape(call, verbs.revoke(call.control, call.actor, "~"))


def regenerate(call: Call) -> dict[str, Any]:
    row, token = verbs.regenerate(call.control, call.actor, call.params["authorization"])
    return shape(call, row, token)


def no_default(_call: Call) -> dict[str, Any]:
    """Heroku's `~` is a default token that nobody made; here all are made. The CLI then revokes its own."""
    raise NotFound("authorization")


def no_session(_call: Call) -> dict[str, Any]:
    """There are no sessions beside tokens; the CLI takes this for an answer."""
    raise NotFound("session")
