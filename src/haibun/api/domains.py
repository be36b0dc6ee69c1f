"""Domains."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from haibun.api.call import Call
from haibun.control import domains as verbs
from haibun.core.errors import NotFound, Refused
from haibun.kit.clock import iso
from haibun.store import domains as domain_rows


class Create(msgspec.Struct):
    hostname: str
    sni_endpoint: str | None = None


class Update(msgspec.Struct):
    sni_endpoint: str | None


def shape(call: Call, row: Row[Any], app: Row[Any]) -> dict[str, Any]:
    """Heroku's domain object. `cname`: where an own domain's DNS record should point."""
    custom = row.kind == "custom"
    return {
        "acm_status": None,
        "acm_status_reason": None,
        "app": {"id": app.id, "name": app.name},
        "cname": f"{app.name}.{call.control.platform.domain}" if custom else None,
        "created_at": iso(row.created_at),
        "hostname": row.hostname,
        "id": row.id,
        "kind": row.kind,
        "sni_endpoint": None,
        "status": "succeeded" if custom else "none",
        "updated_at": iso(row.updated_at),
    }


def listed(call: Call) -> list[dict[str, Any]]:
    with call.control.store.read() as conn:
        app = call.app(conn)
        return [shape(call, row, app) for row in domain_rows.of_app(conn, app.id)]


def info(call: Call) -> dict[str, Any]:
    with call.control.store.read() as conn:
        app = call.app(conn)
        row = domain_rows.find(conn, app.id, call.params["domain"])
        if row is None:
            raise NotFound("domain")
        return shape(call, row, app)


def create(call: Call) -> dict[str, Any]:
    _no_endpoint(call.body.sni_endpoint)
    row = verbs.add(call.control, call.actor, call.params["app"], call.body.hostname)
    with call.control.store.read() as conn:
        return shape(call, row, call.app(conn))


def update(call: Call) -> dict[str, Any]:
    """Nothing can be changed but to an endpoint, and there are none: null is the only value."""
    _no_endpoint(call.body.sni_endpoint)
    return info(call)


def remove(call: Call) -> dict[str, Any]:
    row = verbs.remove(call.control, call.actor, call.params["app"], call.params["domain"])
    with call.control.store.read() as conn:
        return shape(call, row, call.app(conn))


def _no_endpoint(endpoint: str | None) -> None:
    if endpoint is not None:
        raise Refused("sni_endpoint: this platform makes its certificates by itself; use null.")
