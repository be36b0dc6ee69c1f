"""What every answer of the API has, and what is refused before any handler."""

from __future__ import annotations

import logging

import pytest
from api_caller import Caller
from api_schema import complaints, schema
from api_world import PASSWORD, World
from sqlalchemy import text

from haibun.kit.ids import is_id


@pytest.mark.parametrize("accept", ["*/*", "application/vnd.heroku+json; version=3.sdk", "application/json", ""])
def test_every_answer_has_the_headers_that_clients_read(owner: Caller, accept: str) -> None:
    for path in ("/apps/shop", "/apps/nosuch", "/nosuch"):
        answer = owner.get(path, headers={"accept": accept})
        assert answer.headers["content-type"] == "application/json"
        assert is_id(answer.headers["request-id"])
        assert "cache-control" in answer.headers
        assert int(answer.headers["ratelimit-remaining"]) > 0


def test_an_unknown_route_is_404_in_json(owner: Caller) -> None:
    for method, path in (("GET", "/nosuch"), ("PUT", "/apps/shop"), ("GET", "/apps//"), ("GET", "/")):
        status, error_id, message = owner(method, path).error()
        assert (status, error_id) == (404, "not_found")
        assert f"no {method}" in message
    assert owner.get("/apps/").error()[2] == "Couldn't find that app."


def test_etag_and_304(owner: Caller) -> None:
    first = owner.get("/apps/shop")
    same = owner.get("/apps/shop", headers={"if-none-match": first.headers["etag"]})
    assert (same.status, same.content) == (304, b"")
    owner.patch("/apps/shop", {"maintenance": True})
    assert owner.get("/apps/shop", headers={"if-none-match": first.headers["etag"]}).status == 200


def test_the_request_id_is_a_new_one_each_time(owner: Caller) -> None:
    ids = {owner.get("/account").headers["request-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"name=x", "application/x-www-form-urlencoded", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"name": "\xff"}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b'"text"', "application/json", 422),
        (b'{"maintenance": "yes"}', "application/json", 422),
        (b'{"maintenance": "' + b"x" * 1_100_000 + b'"}', "application/json", 413),
        (b"{}", "", 200),
    ],
)
def test_bodies_that_are_not_what_is_asked(owner: Caller, raw: bytes, kind: str, status: int) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = owner("PATCH", "/apps/shop", raw=raw, headers=headers)
    assert answer.status == status
    assert set(answer.json) >= {"id", "message"} or status == 200


def test_a_validation_error_names_the_field(owner: Caller) -> None:
    assert "maintenance" in owner.patch("/apps/shop", {"maintenance": "yes"}).json["message"]
    assert owner.post("/apps/shop/domains", {}).json["message"] == "hostname is required."
    nested = owner.patch("/apps/shop/formation", {"updates": [{"quantity": 1}]}).json["message"]
    assert nested == "updates[0].type is required."


@pytest.mark.parametrize("path", ["/apps/%00", "/apps/shop%0a", "/apps/shop/dynos/%00", "/apps/%2e%2e", "/apps/~"])
def test_odd_identities_are_not_found(owner: Caller, path: str) -> None:
    assert owner.get(path).status == 404


def test_an_exception_is_a_500_without_its_details(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_name: str) -> str:
        raise ValueError("the secret detail")

    monkeypatch.setattr(type(world.control.platform), "app_url", lambda _self, name: broken(name))
    with caplog.at_level(logging.ERROR, "haibun.api"):
        answer = world.as_("owner").get("/apps/shop")
    status, error_id, message = answer.error()
    assert (status, error_id) == (500, "internal_server_error")
    assert answer.headers["request-id"] in message
    assert "secret detail" not in message
    assert "secret detail" in caplog.text


def test_a_store_that_does_not_answer_is_a_503(world: World) -> None:
    with world.control.store.write() as tx:
        tx.conn.execute(text("DROP TABLE authorizations"))
    status, error_id, _ = world.as_("owner").get("/account").error()
    assert (status, error_id) == (503, "service_unavailable")


def test_health_is_public(world: World) -> None:
    assert world.as_("nobody").get("/health").json == {"status": "ok"}


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Bearer undefined", "Basic !!", "Digest x"])
def test_without_good_credentials_it_is_401(world: World, header: str | None) -> None:
    answer = world.as_("nobody").get("/account", headers={"authorization": header} if header else {})
    assert answer.error() == (401, "unauthorized", "Invalid credentials provided.")


@pytest.mark.parametrize("user", ["", "heroku", "owner@example.com"])
def test_basic_takes_the_token_as_password(world: World, user: str) -> None:
    caller = Caller(world.asgi, basic=(user, world.tokens["owner"]))
    assert caller.get("/account").json["email"] == "owner@example.com"


def test_basic_with_a_password_opens_nothing_but_the_login(world: World) -> None:
    caller = Caller(world.asgi, basic=("owner@example.com", PASSWORD))
    assert caller.get("/account").status == 401
    assert caller.post("/oauth/authorizations", {}).status == 201


def test_wrong_passwords_are_slowed_down(world: World) -> None:
    wrong = Caller(world.asgi, basic=("owner@example.com", "wrong"))
    assert [wrong.post("/oauth/authorizations", {}).status for _ in range(11)] == [401] * 10 + [429]
    right = Caller(world.asgi, basic=("owner@example.com", PASSWORD))
    assert right.post("/oauth/authorizations", {}).error()[:2] == (429, "rate_limit")
    other = Caller(world.asgi, basic=("friend@example.com", PASSWORD))
    assert other.post("/oauth/authorizations", {}).status == 201


@pytest.mark.parametrize(
    "header", ["version 1", "undefined", "nosuch ..; max=1", "version a..; max=1", "; max=2", "version ..b"]
)
def test_a_range_that_cannot_be_met_is_416(owner: Caller, header: str) -> None:
    answer = owner.get("/apps/shop/releases", headers={"range": header})
    assert answer.error()[:2] == (416, "requested_range_not_satisfiable")


def test_the_schema_check_does_complain() -> None:
    if schema() is None:
        pytest.skip("HAIBUN_SPEC_DIR is not set")
    assert complaints("GET", "/account", {"email": 7}) == [".email: 7 is not ['string']"]
    assert complaints("GET", "/apps/x/builds/y", {"id": "nope"})
