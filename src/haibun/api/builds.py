"""Builds: ask, look, cancel."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from haibun.api import sources
from haibun.api.call import Call
from haibun.api.ranges import Page, span_of
from haibun.control import builds as verbs
from haibun.core.errors import NotFound, Refused
from haibun.kit.clock import iso
from haibun.store import builds as build_rows


class Blob(msgspec.Struct):
    url: str
    version: str | None = None


class Create(msgspec.Struct):
    source_blob: Blob
    buildpacks: list[Any] | None = None


def shape(call: Call, row: Row[Any], app: Row[Any]) -> dict[str, Any]:
    """Heroku's build object. The stream's id is the build's."""
    return {
        "app": {"id": app.id},
        "buildpacks": [{"name": url, "url": url} for url in row.buildpacks] or None,
        "created_at": iso(row.created_at),
        "id": row.id,
        "output_stream_url": f"{call.control.platform.api_url}/streams/{row.id}",
        "release": {"id": row.release_id} if row.release_id else None,
        "slug": {"id": row.slug_id} if row.slug_id else None,
        "source_blob": {
            "checksum": None,
            "url": "",  # the sealed address is a secret of the one who put it
            "version": row.source_version,
            "version_description": None,
        },
        "stack": row.stack,
        "status": row.status,
        "updated_at": iso(row.updated_at),
        "user": {"email": row.user_email, "id": row.user_id},
    }


def listed(call: Call) -> Page:
    with call.control.store.read() as conn:
        app = call.app(conn)
        if call.range.field:
            rows = build_rows.page(conn, app.id, span_of(call.range))
        else:
            rows = build_rows.of_app(conn, app.id, call.range.limit + 1)
            if len(rows) > call.range.limit:
                rows = build_rows.page(conn, app.id, span_of(call.range))
    shapes = [shape(call, row, app) for row in rows[: call.range.limit]]
    return Page(shapes, len(rows) > call.range.limit, "id")


def info(call: Call) -> dict[str, Any]:
    with call.control.store.read() as conn:
        app = call.app(conn)
        row = build_rows.find(conn, app.id, call.params["build"])
    if row is None:
        raise NotFound("build")
    return shape(call, row, app)


def create(call: Call) -> dict[str, Any]:
    body: Create = call.body
    if body.buildpacks:
        raise Refused("buildpacks: set them on the app (PUT /apps/{app}/buildpack-installations), then build.")
    with call.control.store.read() as conn:
        call.app(conn)
    source_id = sources.id_of(call, body.source_blob.url)
    version = body.source_blob.version[:100] if body.source_blob.version else None
    row = verbs.create(call.control, call.actor, call.params["app"], source_id=source_id, source_version=version)
    call.params["build"] = row.id
    return info(call)


def cancel(call: Call) -> dict[str, Any]:
    """Ask a pending build to end; one that has ended stays as it is."""
    build = info(call)
    verbs.cancel(call.control, build["id"])
    return info(call)
