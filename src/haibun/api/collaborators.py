"""Collaborators of an app; its owner is one of them."""

from __future__ import annotations

from typing import Any

import msgspec

from haibun.api.call import Call
from haibun.api.fixed import fixed_id
from haibun.control import collaborators as verbs
from haibun.core.errors import NotFound
from haibun.kit.clock import iso
from haibun.store import collaborators as collaborator_rows

PERMISSIONS = [
    {"name": name, "description": text}
    for name, text in (
        ("deploy", "Push code, change config vars"),
        ("operate", "Scale, restart, run"),
        ("view", "See the app and its logs"),
    )
]


class Create(msgspec.Struct):
    user: str


def listed(call: Call) -> list[dict[str, Any]]:
    with call.control.store.read() as conn:
        app = call.app(conn)
        others = collaborator_rows.of_app(conn, app.id)
    people = [(app.owner_id, app.owner_email, app.created_at, "owner")]
    people += [(row.user_id, row.email, row.created_at, "collaborator") for row in others]
    return [
        {
            "app": {"id": app.id, "name": app.name},
            "created_at": iso(since),
            "id": fixed_id("collaborator", f"{app.id}/{user_id}"),
            "permissions": PERMISSIONS,
            "role": role,
            "updated_at": iso(since),
            "user": {"email": email, "federated": False, "id": user_id},
        }
        for user_id, email, since, role in people
    ]


def info(call: Call) -> dict[str, Any]:
    return _find(listed(call), _person(call, call.params["collaborator"]))


def create(call: Call) -> dict[str, Any]:
    user = verbs.add(call.control, call.actor, call.params["app"], _person(call, call.body.user))
    return _find(listed(call), user.id)


def remove(call: Call) -> dict[str, Any]:
    """What the collaborator was comes back."""
    found = info(call)
    verbs.remove(call.control, call.actor, call.params["app"], found["user"]["id"])
    return found


def _person(call: Call, identity: str) -> str:
    return call.actor.email if identity == "~" else identity


def _find(people: list[dict[str, Any]], identity: str) -> dict[str, Any]:
    for person in people:
        if identity in (person["id"], person["user"]["id"], person["user"]["email"]):
            return person
    raise NotFound("collaborator")
