"""Every route of the table against everybody: nobody, a stranger, a reading token, collaborator, owner, admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from api_world import World

from haibun.api.access import Access
from haibun.api.call import Route
from haibun.api.routes import ROUTES

WHO = ("nobody", "stranger", "read", "friend", "owner", "admin")
APP_LEVELS = {
    # what the level lets through, of an app of owner's that friend collaborates on
    Access.VIEW: {"read", "friend", "owner", "admin"},
    Access.SECRETS: {"friend", "owner", "admin"},
    Access.CHANGE_SECRETS: {"friend", "owner", "admin"},
    Access.OPERATE: {"friend", "owner", "admin"},
    Access.OWN: {"owner", "admin"},
}
OWN_LEVELS = {
    # and of routes without an app
    Access.PUBLIC: set(WHO),
    Access.IDENTITY: set(WHO) - {"nobody"},
    Access.VIEW: set(WHO) - {"nobody"},
    Access.OPERATE: set(WHO) - {"nobody", "read"},
    Access.ACCOUNT: set(WHO) - {"nobody", "read"},
    Access.ADMIN: {"admin"},
}
BODIES: dict[str, Any] = {
    "PATCH /account": {"name": "x"},
    "POST /users": {"email": "x@example.com"},
    "PUT /apps/{app}/buildpack-installations": {"updates": []},
    "POST /apps/{app}/builds": {"source_blob": {"url": "https://example.com/x"}},
    "POST /apps/{app}/collaborators": {"user": "stranger@example.com"},
    "PATCH /apps/{app}/config-vars": {"A": "1"},
    "POST /apps/{app}/domains": {"hostname": "www.example.org"},
    "PATCH /apps/{app}/domains/{domain}": {"sni_endpoint": None},
    "POST /apps/{app}/dynos": {"command": "true"},
    "PATCH /apps/{app}/features/{feature}": {"enabled": True},
    "PATCH /apps/{app}/formation": {"updates": [{"type": "web", "quantity": 1}]},
    "POST /apps/{app}/releases": {"release": "3"},
}
PARAMS = {
    "app": "shop",
    "collaborator": "friend@example.com",
    "domain": "shop.apps.example.com",
    "dyno": "web.1",
    "feature": "preboot",
    "formation": "web",
    "release": "3",
    "size": "basic",
    "stack": "heroku-26",
    "region": "local",
    "type": "web",
    "user": "~",
    "buildpack": "heroku%2Fpython",
}
GATES = ("Couldn't find that app.",)


def path_of(route: Route) -> str:
    path = route.path
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace("{" + name + "}", PARAMS.get(name, "00000000-0000-4000-8000-000000000000"))
    return path


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_lets_through_whom_its_level_says(new_world: Callable[[], World], route: Route) -> None:
    let_through = APP_LEVELS[route.access] if "{app}" in route.path else OWN_LEVELS[route.access]
    for who in WHO:
        world = new_world()
        answer = world.as_(who)(route.method, path_of(route), BODIES.get(f"{route.method} {route.path}"))
        world.close()
        message = answer.json["message"] if answer.status >= 400 else ""
        stopped = answer.status in (401, 403) or message in GATES
        assert stopped is (who not in let_through), (who, answer)
        if who == "nobody" and stopped:
            assert answer.status == 401
        elif who == "stranger" and "{app}" in route.path:
            assert answer.status == 404, "a stranger must not learn that the app is there"
        elif stopped:
            assert answer.status == 403


def test_only_these_routes_are_public() -> None:
    public = {f"{route.method} {route.path}" for route in ROUTES if route.access is Access.PUBLIC}
    assert public == {
        "GET /health",
        "GET /buildpacks/{buildpack}",
        "GET /sources/{token}",
        "PUT /sources/{token}",
        "GET /streams/{stream}",
    }


def test_config_vars_are_always_behind_a_secrets_level() -> None:
    for route in ROUTES:
        if "config-vars" in route.path:
            assert route.access in (Access.SECRETS, Access.CHANGE_SECRETS)


def test_every_change_needs_more_than_reading() -> None:
    harmless = {"POST /filters/apps", "POST /apps/{app}/log-sessions", "DELETE /oauth/sessions/~"}
    harmless |= {"POST /actions/addons/resolve", "POST /actions/addon-attachments/resolve"}
    harmless |= {"DELETE /oauth/authorizations/~"}  # a token gives up itself
    reading = {Access.IDENTITY, Access.VIEW, Access.SECRETS}
    found = {
        f"{route.method} {route.path}" for route in ROUTES if route.method != "GET" and route.access in reading
    }
    assert found == harmless


def test_an_expired_and_a_revoked_token_open_nothing(world: World) -> None:
    owner = world.as_("owner")
    made = owner.post("/oauth/authorizations", {"expires_in": 1}).json
    with world.control.store.write() as tx:
        tx.conn.exec_driver_sql("UPDATE authorizations SET expires_at = '2020-01-01 00:00:00.000000'")
    world.tokens = world.tokens | {"late": made["access_token"]["token"]}
    assert world.as_("late").get("/apps/shop").status == 401
