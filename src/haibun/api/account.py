"""The account that asks, and for admins the platform's users."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sqlalchemy import Row

from haibun.api.call import Call
from haibun.control import authorizations, users
from haibun.core.errors import NotFound
from haibun.kit.clock import iso
from haibun.kit.ids import is_id


class Update(msgspec.Struct):
    """Only the name can be changed; the rest of Heroku's fields is accepted and has no effect."""

    name: str | msgspec.UnsetType | None = msgspec.UNSET


class Create(msgspec.Struct):
    email: Annotated[str, msgspec.Meta(pattern=r"^[^@\s:]+@[^@\s:]+$", max_length=254)]
    password: Annotated[str, msgspec.Meta(min_length=8, max_length=1000)] | None = None
    admin: bool = False


def shape(row: Row[Any]) -> dict[str, Any]:
    """Heroku's account object; what Haibun has not is null or off."""
    return {
        "allow_tracking": False,
        "beta": False,
        "country_of_residence": None,
        "created_at": iso(row.created_at),
        "default_organization": None,
        "default_team": None,
        "delinquent_at": None,
        "eco_dynos_enabled": False,
        "eco_dynos_shutdown_at": None,
        "email": row.email,
        "federated": False,
        "id": row.id,
        "identity_provider": None,
        "last_login": None,
        "name": row.name,
        "sms_number": None,
        "suspended_at": None,
        "two_factor_authentication": False,
        "updated_at": iso(row.updated_at),
        "verified": True,
    }


def info(call: Call) -> dict[str, Any]:
    _must_be_self(call)
    return shape(users.account(call.control, call.actor))


def update(call: Call) -> dict[str, Any]:
    _must_be_self(call)
    if call.body.name is msgspec.UNSET:
        return info(call)
    return shape(users.rename(call.control, call.actor, call.body.name))


def rate_limit(call: Call) -> dict[str, Any]:
    return {"remaining": call.rate_remaining}


def preferences(call: Call) -> dict[str, Any]:
    _must_be_self(call)
    return {"timezone": None, "default-organization": None}


def listed(call: Call) -> list[dict[str, Any]]:
    """Haibun's own: every user, for admins."""
    return [shape(row) | {"admin": row.is_admin} for row in users.listed(call.control)]


def create(call: Call) -> dict[str, Any]:
    """Haibun's own: a new user, for admins."""
    body: Create = call.body
    user_id = authorizations.create_user(call.control, body.email, password=body.password, is_admin=body.admin)
    return next(row for row in listed(call) if row["id"] == user_id)


def _must_be_self(call: Call) -> None:
    """Accounts of others are not to be seen; `~`, one's id and one's e-mail are oneself."""
    asked = call.params.get("user", "~")
    own = call.actor.user_id if is_id(asked) else call.actor.email
    if asked not in ("~", own):
        raise NotFound("account")
