"""Regions: a platform is one place. `us` and `eu` stand for it too, so that scripts for Heroku work."""

from __future__ import annotations

from typing import Any

from haibun.api.call import Call
from haibun.api.fixed import SINCE, fixed_id, named
from haibun.core.errors import NotFound, Refused

NAME = "local"
REGION = named("region", NAME)
ALIASES = frozenset({NAME, REGION["id"], "us", "eu"})


def check_region(asked: str | None) -> None:
    """Refused if somebody wants an app to be elsewhere."""
    if asked is not None and asked not in ALIASES:
        raise Refused(f"region: there is no {asked[:40]!r}. This platform is one region, {NAME}.")


def listed(_call: Call) -> list[dict[str, Any]]:
    return [_shape()]


def info(call: Call) -> dict[str, Any]:
    if call.params["region"] not in ALIASES:
        raise NotFound("region")
    return _shape()


def _shape() -> dict[str, Any]:
    return {
        "country": "This machine",
        "created_at": SINCE,
        "description": "This platform",
        "id": fixed_id("region", NAME),
        "locale": "Here",
        "name": NAME,
        "private_capable": False,
        "provider": {"name": "haibun", "region": NAME},
        "updated_at": SINCE,
    }
