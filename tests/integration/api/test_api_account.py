"""The account and its tokens by the API: login, logout, scopes, users."""

from __future__ import annotations

import pytest
from api_caller import Caller
from api_world import PASSWORD, World

LOGIN = {"description": "Heroku CLI login from box", "expires_in": 2592000, "scope": ["global"]}


def test_account(owner: Caller) -> None:
    me = owner.get("/account").json
    assert me["email"] == "owner@example.com"
    for identity in ("~", me["id"], me["email"]):
        assert owner.get(f"/users/{identity}").json == me
    assert owner.get("/users/friend@example.com").error()[:2] == (404, "not_found")
    assert owner.get("/users/~/preferences").status == 200


def test_the_name_can_be_changed(owner: Caller) -> None:
    assert owner.patch("/account", {"name": "O. Wner"}).json["name"] == "O. Wner"
    assert owner.patch("/account", {"beta": True}).json["name"] == "O. Wner"
    assert owner.patch("/users/~", {"name": None}).json["name"] is None
    assert owner.patch("/users/friend@example.com", {"name": "x"}).status == 404


def test_rate_limits_tell_what_is_left(owner: Caller) -> None:
    answer = owner.get("/account/rate-limits")
    assert answer.json == {"remaining": int(answer.headers["ratelimit-remaining"])}


def test_login_and_logout_as_the_cli_does(world: World) -> None:
    login = Caller(world.asgi, basic=("owner@example.com", PASSWORD)).post("/oauth/authorizations", LOGIN)
    assert login.status == 201
    assert login.json["user"]["email"] == "owner@example.com"
    token = login.json["access_token"]["token"]
    assert login.json["access_token"]["expires_in"] in (2592000, 2591999)
    mine = Caller(world.asgi, token)
    assert mine.get("/account").status == 200
    assert mine.get("/oauth/sessions").json == []
    assert mine.delete("/oauth/sessions/~").json["resource"] == "session"
    assert mine.get("/oauth/authorizations/~").json["resource"] == "authorization"
    listed = mine.get("/oauth/authorizations").json
    own = next(each for each in listed if each["description"] == LOGIN["description"])
    start, end = own["access_token"]["token"].split("**********")
    assert token.startswith(start)
    assert token.endswith(end)
    assert token not in str(listed)
    assert mine.delete(f"/oauth/authorizations/{own['id']}").json["id"] == own["id"]
    assert mine.get("/account").status == 401


def test_wrong_password(world: World) -> None:
    for email in ("owner@example.com", "nobody@example.com", "nul\0@example.com"):
        caller = Caller(world.asgi, basic=(email, "wrong"))
        assert caller.post("/oauth/authorizations", LOGIN).error()[:2] == (401, "unauthorized")


def test_a_token_can_revoke_itself(world: World) -> None:
    for who in ("read", "identity"):
        assert world.as_(who).delete("/oauth/authorizations/~").status == 200
        assert world.as_(who).get("/account").status == 401


def test_tokens_of_others_are_not_there(world: World) -> None:
    theirs = world.actors["friend"].authorization_id
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/actions/regenerate-tokens")):
        assert world.as_("owner")(method, f"/oauth/authorizations/{theirs}{path}").status == 404
    assert world.as_("friend").get("/account").status == 200


def test_regenerate(world: World) -> None:
    owner = world.as_("owner")
    made = owner.post("/oauth/authorizations", {"scope": ["read"]}).json
    assert owner.get(f"/oauth/authorizations/{made['id']}").json["scope"] == ["read"]
    new = owner.post(f"/oauth/authorizations/{made['id']}/actions/regenerate-tokens").json
    assert Caller(world.asgi, made["access_token"]["token"]).get("/apps/shop").status == 401
    assert Caller(world.asgi, new["access_token"]["token"]).get("/apps/shop").status == 200


@pytest.mark.parametrize("who", ["identity", "read", "write", "read-protected", "write-protected"])
def test_a_narrow_token_makes_no_other_and_sees_none(world: World, who: str) -> None:
    for method, path, body in (
        ("POST", "/oauth/authorizations", {"scope": ["global"]}),
        ("GET", "/oauth/authorizations", None),
        ("PATCH", "/account", {"name": "x"}),
    ):
        assert world.as_(who)(method, path, body).error()[:2] == (403, "forbidden")


@pytest.mark.parametrize(
    "body", [{"scope": ["everything"]}, {"scope": []}, {"expires_in": 0}, {"expires_in": 10**30}]
)
def test_authorizations_that_are_refused(owner: Caller, body: dict[str, object]) -> None:
    assert owner.post("/oauth/authorizations", body).error()[:2] == (422, "invalid_params")


@pytest.mark.parametrize(
    ("who", "reads", "writes", "secrets", "sets"),
    [
        ("identity", False, False, False, False),
        ("read", True, False, False, False),
        ("write", True, True, False, False),
        ("read-protected", True, False, True, False),
        ("write-protected", True, True, True, True),
    ],
)
def test_what_a_scope_reaches(
    world: World, who: str, reads: bool, writes: bool, secrets: bool, sets: bool
) -> None:
    caller = world.as_(who)
    assert caller.get("/account").status == 200
    assert (caller.get("/apps/shop").status == 200) is reads
    assert (caller.patch("/apps/shop", {"maintenance": True}).status == 200) is writes
    assert (caller.get("/apps/shop/config-vars").status == 200) is secrets
    assert (caller.patch("/apps/shop/config-vars", {"A": "1"}).status == 200) is sets


def test_admins_make_users(world: World) -> None:
    admin = world.as_("admin")
    made = admin.post("/users", {"email": "new@example.com", "password": "long enough"})
    assert (made.status, made.json["email"], made.json["admin"]) == (201, "new@example.com", False)
    login = Caller(world.asgi, basic=("new@example.com", "long enough")).post("/oauth/authorizations", LOGIN)
    assert login.status == 201
    assert len(admin.get("/users").json) == 5
    assert admin.post("/users", {"email": "new@example.com"}).status == 422
    assert admin.post("/users", {"email": "no mail"}).status == 422
    assert admin.post("/users", {"email": "a@b.example", "password": "short"}).status == 422
    assert world.as_("owner").post("/users", {"email": "x@example.com"}).error()[:2] == (403, "forbidden")
