"""Which attempts are shown as dynos, and in which of Heroku's states. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from haibun.kit.clock import iso

STATES = {
    "created": "starting",
    "starting": "starting",
    "up": "up",
    "retiring": "up",
    "stopping": "down",
    "crashed": "crashed",
}
HIDDEN_KINDS = frozenset({"build"})


def visible(rows: Iterable[Row[Any]], wanted: dict[str, int]) -> list[tuple[Row[Any], str]]:
    """(attempt, state): the newest attempt of each slot, oldest rows first in.

    A stopping dyno is shown while its slot is still wanted; of a one-off only what runs is shown.
    """
    newest: dict[str, Row[Any]] = {}
    for row in rows:
        if row.kind not in HIDDEN_KINDS and row.phase in STATES:
            newest[row.name] = row
    return [(row, STATES[row.phase]) for row in newest.values() if _shown(row, wanted)]


def waiting(one_offs: Iterable[Row[Any]]) -> list[tuple[Row[Any], str]]:
    """One-offs that are asked for and not yet seen."""
    return [(row, "starting") for row in one_offs if row.kind not in HIDDEN_KINDS]


def shape(
    row: Row[Any], state: str, app: Row[Any], *, version: int | None = None, extended: bool = False
) -> dict[str, Any]:
    """Heroku's dyno object, of an attempt or of a one-off that is wanted."""
    number = version if version is not None else getattr(row, "version", None)
    changed = getattr(row, "updated_at", row.created_at)
    dyno = {
        "app": {"id": app.id, "name": app.name},
        "attach_url": None,
        "command": row.command,
        "created_at": iso(row.created_at),
        "id": row.id,
        "name": row.name,
        "release": {"id": row.release_id, "version": number},
        "size": row.size,
        "state": state,
        "type": row.type,
        "updated_at": iso(changed),
    }
    if extended:
        dyno["extended"] = {"az": None, "instance": None, "port": getattr(row, "port", None), "region": "local"}
    return dyno


def _shown(row: Row[Any], wanted: dict[str, int]) -> bool:
    if row.kind != "formation":
        return bool(row.phase != "crashed")
    number: str = row.name.rpartition(".")[2]
    return bool(row.phase != "stopping" or (number.isdigit() and int(number) <= wanted.get(row.type, 0)))
