"""Formation: how many dynos of which size each process type has."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from haibun.api.call import Call
from haibun.api.dyno_sizes import size_of
from haibun.api.fixed import named
from haibun.control import formation as verbs
from haibun.core.errors import NotFound, Refused
from haibun.kit.clock import iso
from haibun.kit.ids import is_id
from haibun.store import dynos as dyno_rows
from haibun.store import releases as release_rows


class Update(msgspec.Struct):
    """Of one type. quantity is a number, or text as the CLI sends it: `2`, `+1`, `-1`."""

    quantity: Annotated[int, msgspec.Meta(ge=0)] | str | None = None
    size: str | None = None
    dyno_size: dict[str, str] | str | None = None
    docker_image: str | None = None


class UpdateOf(Update, kw_only=True):
    type: str


class Batch(msgspec.Struct):
    updates: list[UpdateOf]


def listed(call: Call) -> list[dict[str, Any]]:
    with call.control.store.read() as conn:
        app = call.app(conn)
        rows = dyno_rows.formation_of(conn, app.id)
        commands = release_rows.process_types(conn, app.release_id)
    return [
        {
            "app": {"id": app.id, "name": app.name},
            "command": commands.get(row.type, ""),
            "created_at": iso(row.created_at),
            "dyno_size": named("dyno-size", row.size),
            "id": row.id,
            "quantity": row.quantity,
            "size": row.size,
            "type": row.type,
            "updated_at": iso(row.updated_at),
        }
        for row in rows
    ]


def info(call: Call) -> dict[str, Any]:
    asked = call.params["formation"]
    for row in listed(call):
        if row["id" if is_id(asked) else "type"] == asked:
            return row
    raise NotFound("process type")


def batch(call: Call) -> list[dict[str, Any]]:
    """All changes or none; the whole formation comes back."""
    _change(call, [(item.type, item) for item in call.body.updates])
    return listed(call)


def update(call: Call) -> dict[str, Any]:
    _change(call, [(info(call)["type"], call.body)])
    return info(call)


def _change(call: Call, updates: list[tuple[str, Update]]) -> None:
    changes = []
    for type_name, item in updates:
        if item.docker_image:
            raise Refused("docker_image: this platform builds from source; push with git.")
        quantity = None if item.quantity is None else str(item.quantity)
        changes.append(verbs.Change(type_name, quantity, size_of(item.size or item.dyno_size)))
    verbs.change(call.control, call.actor, call.params["app"], changes)
