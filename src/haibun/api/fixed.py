"""Things that every platform has and no table holds: ids that are made of a name, and when they began."""

from __future__ import annotations

import uuid
from functools import lru_cache

SINCE = "2026-01-01T00:00:00Z"
_space = uuid.UUID("6d1c4b8e-6f0f-4b06-9a3e-2f4f0c9a6b11")


@lru_cache(1000)
def fixed_id(kind: str, name: str) -> str:
    """The same uuid for the same thing, on every platform and every day."""
    return str(uuid.uuid5(_space, f"{kind}/{name}"))


def named(kind: str, name: str) -> dict[str, str]:
    """`{"id", "name"}` of a fixed thing."""
    return {"id": fixed_id(kind, name), "name": name}
