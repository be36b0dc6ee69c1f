"""Slugs: what was built, and where its bytes would be."""

from __future__ import annotations

from typing import Any

from haibun.api.call import Call
from haibun.api.fixed import named
from haibun.core.errors import NotFound
from haibun.kit.clock import iso
from haibun.store import releases as release_rows


def info(call: Call) -> dict[str, Any]:
    with call.control.store.read() as conn:
        app = call.app(conn)
        row = release_rows.slug(conn, call.params["slug"])
    if row is None or row.app_id != app.id:
        raise NotFound("slug")
    return {
        "blob": {"method": "get", "url": f"{call.control.platform.api_url}/slugs/{row.id}.tgz"},
        "buildpack_provided_description": row.buildpack_provided_description,
        "checksum": row.checksum,
        "commit": row.commit,
        "commit_description": None,
        "created_at": iso(row.created_at),
        "deleted_at": None,
        "id": row.id,
        "process_types": row.process_types,
        "size": row.size,
        "stack": named("stack", row.stack),
        "updated_at": iso(row.updated_at),
    }
