"""Stacks that this platform has."""

from __future__ import annotations

from typing import Any

from haibun.api.apps import stack_name
from haibun.api.call import Call
from haibun.api.fixed import SINCE, fixed_id
from haibun.core.errors import NotFound


def listed(call: Call) -> list[dict[str, Any]]:
    return [_shape(call, name) for name in call.control.platform.stacks]


def of_app(call: Call) -> list[dict[str, Any]]:
    with call.control.store.read() as conn:
        call.app(conn)
    return listed(call)


def info(call: Call) -> dict[str, Any]:
    name = stack_name(call.control, call.params["stack"])
    if name not in call.control.platform.stacks:
        raise NotFound("stack")
    return _shape(call, name)


def _shape(call: Call, name: str) -> dict[str, Any]:
    return {
        "created_at": SINCE,
        "default": name == call.control.platform.default_stack,
        "id": fixed_id("stack", name),
        "name": name,
        "state": "public",
        "updated_at": SINCE,
    }
