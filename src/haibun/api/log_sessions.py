"""Log sessions: an address at which logplex tells lines."""

from __future__ import annotations

from typing import Any

import msgspec

from haibun.api.call import Call
from haibun.control import log_sessions as verbs
from haibun.core.errors import Refused
from haibun.kit.clock import iso
from haibun.kit.ids import new_id

SOURCES = ("app", "heroku")


class Create(msgspec.Struct):
    """`dyno` may be a process type; newer clients say `type` for that."""

    dyno: str | None = None
    type: str | None = None
    lines: int | None = None
    source: str | None = None
    tail: bool | None = None


def create(call: Call) -> dict[str, Any]:
    body: Create = call.body
    if body.source not in (None, *SOURCES):
        raise Refused(f"source: there is no {body.source[:40]!r}; use {' or '.join(SOURCES)}, or none for all.")
    token = verbs.create(
        call.control,
        call.actor,
        call.params["app"],
        lines=100 if body.lines is None else body.lines,
        tail=bool(body.tail),
        source=body.source,
        dyno=body.dyno or body.type,
    )
    now = iso(call.control.clock.now())
    url = f"{call.control.platform.api_url}/logplex/sessions/{token}"
    return {"created_at": now, "id": new_id(), "logplex_url": url, "updated_at": now}
