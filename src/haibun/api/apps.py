"""Apps."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from haibun.api.call import Call
from haibun.api.fixed import fixed_id, named
from haibun.api.ranges import Page, Range, cut, span_of
from haibun.api.regions import REGION, check_region
from haibun.control import apps as verbs
from haibun.control.context import Control
from haibun.core.errors import NotFound, Refused
from haibun.kit.clock import iso
from haibun.kit.ids import is_id
from haibun.store import apps as app_rows
from haibun.store.paging import Span


class Create(msgspec.Struct):
    name: str | None = None
    region: str | None = None
    stack: str | None = None
    space: Any = None
    team: Any = None
    organization: Any = None


class Update(msgspec.Struct):
    name: str | None = None
    maintenance: bool | None = None
    build_stack: str | None = None


class Wanted(msgspec.Struct):
    id: list[str] = []


class Filter(msgspec.Struct):
    in_: Wanted = msgspec.field(name="in", default_factory=Wanted)


def shape(control: Control, row: Row[Any]) -> dict[str, Any]:
    """Heroku's app object, every field of it: the CLI stops at one that is missing."""
    platform = control.platform
    return {
        "acm": False,
        "archived_at": None,
        "build_stack": named("stack", row.build_stack),
        "buildpack_provided_description": row.buildpack_provided_description,
        "create_status": "complete",
        "created_at": iso(row.created_at),
        "generation": named("generation", "cedar"),
        "git_url": platform.git_url(row.name),
        "id": row.id,
        "internal_routing": False,
        "locked": False,
        "maintenance": row.maintenance,
        "name": row.name,
        "organization": None,
        "owner": {"email": row.owner_email, "id": row.owner_id},
        "process_tier": "basic",
        "region": REGION,
        "released_at": iso(row.released_at) if row.released_at else None,
        "repo_size": row.repo_size,
        "slug_size": row.slug_size,
        "space": None,
        "stack": named("stack", row.stack),
        "team": None,
        "updated_at": iso(row.updated_at),
        "web_url": platform.app_url(row.name),
    }


def listed(call: Call) -> Page:
    """The apps that the caller owns or collaborates on; every app for an admin who asks for all."""
    _only_self(call)
    everybody = call.actor.is_admin and "user" not in call.params
    return _page(call, None if everybody else call.actor.user_id)


def info(call: Call) -> dict[str, Any]:
    with call.control.store.read() as conn:
        app = shape(call.control, call.app(conn))
    return app | {"extended": {}} if call.asks("extended") else app


def create(call: Call) -> dict[str, Any]:
    body: Create = call.body
    check_region(body.region)
    for field in ("space", "team", "organization"):
        if getattr(body, field):
            raise Refused(f"{field}: this platform has none. Leave it out; the app will be your own.")
    stack = stack_name(call.control, body.stack) if body.stack else None
    return shape(call.control, verbs.create(call.control, call.actor, name=body.name, stack=stack))


def update(call: Call) -> dict[str, Any]:
    body: Update = call.body
    stack = stack_name(call.control, body.build_stack) if body.build_stack else None
    row = verbs.change(
        call.control,
        call.actor,
        call.params["app"],
        name=body.name,
        maintenance=body.maintenance,
        build_stack=stack,
    )
    return shape(call.control, row)


def destroy(call: Call) -> dict[str, Any]:
    return shape(call.control, verbs.destroy(call.control, call.actor, call.params["app"]))


def filtered(call: Call) -> Page:
    """Those of the named apps (ids or names) that the caller may see."""
    wanted = set(call.body.in_.id[:1000])
    with call.control.store.read() as conn:
        rows = app_rows.named(conn, None if call.actor.is_admin else call.actor.user_id, wanted)
    return cut([shape(call.control, row) for row in rows], call.range, call.route.ranges)


def stack_name(control: Control, identity: str) -> str:
    """A stack's name, of its name or its id."""
    if not is_id(identity):
        return identity
    for name in control.platform.stacks:
        if fixed_id("stack", name) == identity:
            return name
    raise NotFound("stack")


def _page(call: Call, user_id: str | None) -> Page:
    asked: Range = call.range
    if asked.field == "updated_at":
        with call.control.store.read() as conn:
            rows = app_rows.page(conn, user_id, "name", Span(limit=100_000))
        return cut([shape(call.control, row) for row in rows], asked, call.route.ranges)
    field = asked.field or "name"
    with call.control.store.read() as conn:
        rows = app_rows.page(conn, user_id, field, span_of(asked))
    shapes = [shape(call.control, row) for row in rows[: asked.limit]]
    return Page(shapes, len(rows) > asked.limit, field)


def _only_self(call: Call) -> None:
    if call.params.get("user", "~") not in ("~", call.actor.user_id, call.actor.email):
        raise NotFound("account")
