"""Releases: list, info, rollback and release of a slug."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from haibun.api.call import Call
from haibun.api.ranges import Page, number, span_of
from haibun.control import releases as verbs
from haibun.core.errors import NotFound, Refused
from haibun.kit.clock import iso
from haibun.store import releases as release_rows


class Create(msgspec.Struct):
    release: str | None = None
    slug: str | None = None
    description: str | None = None


def shape(call: Call, row: Row[Any], app: Row[Any]) -> dict[str, Any]:
    """Heroku's release object. The stream's id is the release's."""
    stream = f"{call.control.platform.api_url}/streams/{row.id}" if row.dyno_id else None
    release = {
        "addon_plan_names": [],
        "app": {"id": app.id, "name": app.name},
        "artifacts": [{"id": row.slug_id, "type": "slug"}] if row.slug_id else [],
        "created_at": iso(row.created_at),
        "current": row.id == app.release_id,
        "description": row.description,
        "eligible_for_rollback": row.slug_id is not None and row.status == "succeeded",
        "id": row.id,
        "oci_image": None,
        "output_stream_url": stream,
        "slug": {"id": row.slug_id} if row.slug_id else None,
        "status": row.status,
        "updated_at": iso(row.updated_at),
        "user": {"email": row.user_email, "id": row.user_id},
        "version": row.version,
    }
    if call.asks("extended"):
        release["extended"] = {"slug_id": row.slug_id, "slug_uuid": row.slug_id}
    return release


def listed(call: Call) -> Page:
    """Oldest first unless the Range says otherwise; the database does the cutting."""
    field = call.range.field or "version"
    span = span_of(call.range, number if field == "version" else str)
    with call.control.store.read() as conn:
        app = call.app(conn)
        rows = release_rows.page(conn, app.id, field, span)
    shapes = [shape(call, row, app) for row in rows[: call.range.limit]]
    return Page(shapes, len(rows) > call.range.limit, field)


def info(call: Call) -> dict[str, Any]:
    with call.control.store.read() as conn:
        app = call.app(conn)
        row = release_rows.find(conn, app.id, call.params["release"])
    if row is None:
        raise NotFound("release")
    return shape(call, row, app)


def create(call: Call) -> dict[str, Any]:
    """`release` rolls back to it, `slug` releases it."""
    body: Create = call.body
    identity = call.params["app"]
    if body.release:
        row = verbs.rollback(call.control, call.actor, identity, body.release)
    elif body.slug:
        row = verbs.deploy_slug(call.control, call.actor, identity, body.slug, body.description)
    else:
        raise Refused("release or slug is required: which release to go back to, or which slug to release.")
    with call.control.store.read() as conn:
        return shape(call, row, call.app(conn))
