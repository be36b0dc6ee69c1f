"""Dynos: list, run, restart and stop."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sqlalchemy import Row

from haibun.api.call import Call
from haibun.api.dyno_list import shape, visible, waiting
from haibun.api.dyno_sizes import size_of
from haibun.control import dynos as verbs
from haibun.core.errors import NotFound
from haibun.core.names import check_config_key
from haibun.kit.ids import is_id
from haibun.store import dynos as dyno_rows
from haibun.store import releases as release_rows

LONGEST_RUN_SECONDS = 86_400


class Create(msgspec.Struct):
    command: Annotated[str, msgspec.Meta(min_length=1, max_length=32_768)]
    attach: bool | None = None
    env: dict[str, str | int | float | bool] | None = None
    force_no_tty: bool | None = None
    size: str | None = None
    type: str | None = None
    time_to_live: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_RUN_SECONDS)] | None = None


def listed(call: Call) -> list[dict[str, Any]]:
    """One dyno per slot, formation before one-offs, as they are numbered."""
    with call.control.store.read() as conn:
        app = call.app(conn)
        rows = dyno_rows.listed(conn, app.id)
        one_offs = dyno_rows.one_offs_listed(conn, app.id)
        wanted = {row.type: row.quantity for row in dyno_rows.formation_of(conn, app.id)}
    seen = {row.id for row in rows}
    shown = visible(rows, wanted) + waiting(row for row in one_offs if row.id not in seen)
    shown.sort(key=_order)
    return [shape(row, state, app, extended=call.asks("extended")) for row, state in shown]


def info(call: Call) -> dict[str, Any]:
    asked = call.params["dyno"]
    for dyno in listed(call):
        if dyno["id" if is_id(asked) else "name"] == asked:
            return dyno
    raise NotFound("dyno")


def create(call: Call) -> dict[str, Any]:
    """A one-off dyno. Attached, its attach_url is told here and never again."""
    body: Create = call.body
    for key in body.env or {}:
        check_config_key(key)
    asked = verbs.OneOff(
        command=body.command,
        attach=bool(body.attach),
        tty=not body.force_no_tty,
        env={key: str(value) for key, value in (body.env or {}).items()},
        size=size_of(body.size),
        type=body.type,
        time_to_live=body.time_to_live,
    )
    row, secret = verbs.run(call.control, call.actor, call.params["app"], asked)
    with call.control.store.read() as conn:
        app = call.app(conn)
        release = release_rows.by_id(conn, row.release_id)
    dyno = shape(row, "starting", app, version=release.version if release else None)
    if secret:
        dyno["attach_url"] = f"rendezvous://{call.control.platform.rendezvous_host}/{secret}"
    return dyno


def restart_all(call: Call) -> dict[str, Any]:
    return _restart(call, "")


def restart_one(call: Call) -> dict[str, Any]:
    return _restart(call, call.params["dyno"])


def restart_type(call: Call) -> dict[str, Any]:
    return _restart(call, call.params["type"])


def stop_one(call: Call) -> dict[str, Any]:
    return _stop(call, call.params["dyno"])


def stop_type(call: Call) -> dict[str, Any]:
    return _stop(call, call.params["type"])


def _restart(call: Call, target: str) -> dict[str, Any]:
    verbs.restart(call.control, call.actor, call.params["app"], target)
    return {}


def _stop(call: Call, target: str) -> dict[str, Any]:
    verbs.stop(call.control, call.actor, call.params["app"], target)
    return {}


def _order(item: tuple[Row[Any], str]) -> tuple[bool, str, int]:
    type_name, _, digits = item[0].name.partition(".")
    return item[0].kind != "formation", type_name, int(digits) if digits.isdigit() else 0
