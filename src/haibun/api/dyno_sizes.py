"""Dyno sizes. They cost nothing here."""

from __future__ import annotations

from typing import Any

from haibun.api.call import Call
from haibun.api.fixed import fixed_id, named
from haibun.core.dyno import SIZES, Size
from haibun.core.errors import NotFound


def listed(_call: Call) -> list[dict[str, Any]]:
    return [_shape(size) for size in SIZES.values()]


def of_app(call: Call) -> list[dict[str, Any]]:
    with call.control.store.read() as conn:
        call.app(conn)
    return listed(call)


def info(call: Call) -> dict[str, Any]:
    asked = call.params["size"]
    for size in SIZES.values():
        if asked.lower() == size.name.lower() or asked == fixed_id("dyno-size", size.name):
            return _shape(size)
    raise NotFound("dyno size")


def size_of(asked: Any) -> str | None:
    """A size's name out of what clients send: text, `{"name"}` or `{"id"}`."""
    if isinstance(asked, dict):
        asked = asked.get("name") or asked.get("id")
    if asked is None:
        return None
    for size in SIZES.values():
        if asked == fixed_id("dyno-size", size.name):
            return size.name
    return str(asked)


def _shape(size: Size) -> dict[str, Any]:
    dedicated = size.name.startswith("Performance")
    return {
        "architecture": "amd64",
        "can_autoscale": False,
        "compute": size.cpu_shares // 1024,
        "cost": None,
        "dedicated": dedicated,
        "generation": named("generation", "cedar"),
        "id": fixed_id("dyno-size", size.name),
        "infrastructure_tier": "production",
        "memory": size.memory_mb / 1024,
        "name": size.name,
        "precise_dyno_units": size.cpu_shares / 1024,
        "private_space_only": False,
        "product_dyno_tier": size.name.partition("-")[0].lower(),
    }
