"""What else an app has: buildpacks, builds, domains, features, collaborators, logs; and what it has not."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from api_caller import Caller
from api_world import World

from haibun.control import domains as domain_verbs
from haibun.kit.ids import new_id


def test_buildpacks_are_set_as_a_whole(owner: Caller) -> None:
    path = "/apps/shop/buildpack-installations"
    assert [item["buildpack"]["url"] for item in owner.get(path).json] == ["heroku/python"]
    blob = "https://buildpack-registry.example.com/buildpacks/heroku/nodejs.tgz"
    updates = [
        {"buildpack": blob},
        {"buildpack": "urn:buildpack:heroku/python"},
        {"buildpack": "https://x.example/b"},
    ]
    set_ = owner.put(path, {"updates": updates}, headers={"range": ""}).json
    assert [item["buildpack"]["url"] for item in set_] == ["heroku/nodejs", "heroku/python", "https://x.example/b"]
    assert [item["ordinal"] for item in set_] == [0, 1, 2]
    assert owner.get(path).json == set_
    assert owner.put(path, {"updates": [{}]}).json == []
    assert owner.put(path, {"updates": [{"buildpack": "--upload-pack=x"}]}).status == 422


def test_the_registry_turns_a_name_into_itself(world: World) -> None:
    found = world.as_("nobody").get("/buildpacks/heroku%2Fpython").json
    assert found["blob_url"] == "heroku/python"
    assert world.as_("nobody").get("/buildpacks/acme%2Fcobol").status == 404


def test_a_source_is_put_and_built_once(world: World) -> None:
    owner = world.as_("owner")
    blob = owner.post("/sources").json["source_blob"]
    path = urlsplit(blob["put_url"]).path
    assert (
        "source_blob.url"
        in owner.post("/apps/shop/builds", {"source_blob": {"url": blob["get_url"]}}).json["message"]
    )
    anybody = world.as_("nobody")
    assert anybody.get(path).status == 404
    assert anybody.put(path, raw=b"a tar" * 1000).status == 200
    assert anybody.put(path, raw=b"another").status == 409
    assert anybody.get(path).content == b"a tar" * 1000
    made = owner.post("/apps/shop/builds", {"source_blob": {"url": blob["get_url"], "version": "c0ffee"}})
    assert made.status == 201
    build = made.json
    assert (build["status"], build["source_blob"]["version"]) == ("pending", "c0ffee")
    assert build["output_stream_url"] == f"http://localhost:5605/streams/{build['id']}"
    assert owner.get(f"/apps/shop/builds/{build['id']}").json == build
    again = owner.post("/apps/shop/builds", {"source_blob": {"url": blob["get_url"]}})
    assert again.error()[:2] == (409, "conflict")
    listed = owner.get("/apps/shop/builds").json
    assert [each["status"] for each in listed] == ["succeeded", "pending"]
    assert listed[0]["release"]["id"] == owner.get("/apps/shop/releases/3").json["id"]
    assert owner.delete(f"/apps/shop/builds/{build['id']}").status == 200
    assert owner.get(f"/apps/shop/builds/{new_id()}").status == 404


@pytest.mark.parametrize(
    "url", ["https://example.com/x.tgz", "http://localhost:5605/sources/nonsense", "file:///etc/passwd"]
)
def test_only_our_own_sources_are_built(owner: Caller, url: str) -> None:
    answer = owner.post("/apps/shop/builds", {"source_blob": {"url": url}})
    assert answer.status == 422
    assert "source_blob.url" in answer.json["message"]


def test_an_address_of_something_else_is_no_source(world: World) -> None:
    session = world.as_("owner").post("/apps/shop/log-sessions", {}).json["logplex_url"].rpartition("/")[2]
    assert world.as_("nobody").put(f"/sources/{session}", raw=b"x").status == 404


def test_domains(owner: Caller) -> None:
    made = owner.post("/apps/shop/domains", {"hostname": "WWW.Example.org", "sni_endpoint": None})
    assert made.status == 201
    assert (made.json["hostname"], made.json["kind"]) == ("www.example.org", "custom")
    assert made.json["cname"] == "shop.apps.example.com"
    listed = owner.get("/apps/shop/domains", headers={"range": "id ..; max=1000;"})
    assert listed.status == 200
    assert {row["kind"] for row in listed.json} == {"heroku", "custom"}
    for identity in ("www.example.org", made.json["id"]):
        assert owner.get(f"/apps/shop/domains/{identity}").json == made.json
    assert owner.patch("/apps/shop/domains/www.example.org", {"sni_endpoint": None}).status == 200
    assert owner.delete("/apps/shop/domains/www.example.org").json["hostname"] == "www.example.org"
    assert owner.delete("/apps/shop/domains/www.example.org").status == 404


@pytest.mark.parametrize(
    "hostname",
    ["nodots", "-a.example.org", "a..b", "x.apps.example.com", "apps.example.com", "a_b.example.org", "a" * 300],
)
def test_domains_that_are_refused(owner: Caller, hostname: str) -> None:
    assert owner.post("/apps/shop/domains", {"hostname": hostname}).error()[:2] == (422, "invalid_params")


def test_a_domain_has_one_app_and_the_own_one_stays(world: World) -> None:
    domain_verbs.add(world.control, world.actors["owner"], "shop", "*.example.org")
    stranger = world.as_("stranger")
    stranger.post("/apps", {"name": "thief"})
    taken = stranger.post("/apps/thief/domains", {"hostname": "*.example.org"})
    assert taken.json["message"] == "*.example.org is in use by another app."
    again = world.as_("owner").post("/apps/shop/domains", {"hostname": "*.example.org"})
    assert again.json["message"] == "*.example.org is already a domain of this app."
    assert world.as_("owner").delete("/apps/shop/domains/shop.apps.example.com").status == 422


def test_domains_come_in_pages_until_200(world: World) -> None:
    for number in range(4):
        domain_verbs.add(world.control, world.actors["owner"], "shop", f"d{number}.example.org")
    seen, asked, statuses = set(), "id ..; max=2;", []
    while asked:
        page = world.as_("owner").get("/apps/shop/domains", headers={"range": asked})
        seen |= {row["hostname"] for row in page.json}
        statuses.append(page.status)
        asked = page.headers.get("next-range", "")
    assert statuses == [206, 206, 200]
    assert len(seen) == 5


def test_features(owner: Caller) -> None:
    (preboot,) = owner.get("/apps/shop/features").json
    assert (preboot["name"], preboot["enabled"], preboot["state"]) == ("preboot", False, "general")
    assert owner.patch("/apps/shop/features/preboot", {"enabled": True}).json["enabled"] is True
    assert owner.get(f"/apps/shop/features/{preboot['id']}").json["enabled"] is True
    assert owner.patch("/apps/shop/features/preboot", {"enabled": False}).json["enabled"] is False
    assert owner.patch("/apps/shop/features/nosuch", {"enabled": True}).status == 404
    assert owner.patch("/apps/shop/features/preboot", {}).json["message"] == "enabled is required."
    assert owner.get("/account/features").json == []
    assert owner.get("/account/features/preboot").status == 404


def test_collaborators(world: World) -> None:
    owner = world.as_("owner")
    people = owner.get("/apps/shop/collaborators").json
    assert [(each["user"]["email"], each["role"]) for each in people] == [
        ("owner@example.com", "owner"),
        ("friend@example.com", "collaborator"),
    ]
    assert world.as_("stranger").get("/apps/shop").status == 404
    assert owner.post("/apps/shop/collaborators", {"user": "stranger@example.com"}).status == 201
    assert world.as_("stranger").get("/apps/shop").status == 200
    assert owner.get("/apps/shop/collaborators/stranger@example.com").json["role"] == "collaborator"
    gone = owner.delete("/apps/shop/collaborators/stranger@example.com")
    assert gone.json["user"]["email"] == "stranger@example.com"
    assert world.as_("stranger").get("/apps/shop").status == 404
    assert owner.delete("/apps/shop/collaborators/stranger@example.com").status == 404
    for user in ("owner@example.com", "friend@example.com", "unknown@example.com"):
        assert owner.post("/apps/shop/collaborators", {"user": user}).status == 422


def test_a_collaborator_may_leave_and_do_no_more(world: World) -> None:
    friend = world.as_("friend")
    assert friend.post("/apps/shop/collaborators", {"user": "stranger@example.com"}).status == 403
    assert friend.delete("/apps/shop/collaborators/owner@example.com").status == 404
    assert friend.delete("/apps/shop").status == 403
    assert friend.delete("/apps/shop/collaborators/friend@example.com").status == 200
    assert friend.get("/apps/shop").status == 404


def test_a_collaborator_removes_no_other(world: World) -> None:
    world.as_("owner").post("/apps/shop/collaborators", {"user": "stranger@example.com"})
    assert world.as_("friend").delete("/apps/shop/collaborators/stranger@example.com").status == 403


def test_log_sessions(world: World) -> None:
    owner = world.as_("owner")
    made = owner.post("/apps/shop/log-sessions", {"lines": 100, "tail": False, "dyno": "web.1", "source": "app"})
    assert made.status == 201
    url = made.json["logplex_url"]
    assert url.startswith("http://localhost:5605/logplex/sessions/")
    session = world.control.sealer.open(url.rpartition("/")[2])
    assert (session["lines"], session["tail"], session["dyno"], session["source"]) == (100, False, "web.1", "app")
    assert owner.post("/apps/shop/log-sessions", {"source": "moon"}).status == 422
    assert owner.post("/apps/shop/log-sessions", {"lines": "many"}).status == 422


def test_stacks_and_regions(owner: Caller) -> None:
    stacks = owner.get("/stacks").json
    assert [(stack["name"], stack["default"]) for stack in stacks] == [("heroku-24", False), ("heroku-26", True)]
    assert owner.get("/stacks/heroku-24").json == stacks[0]
    assert owner.get(f"/stacks/{stacks[1]['id']}").json == stacks[1]
    assert owner.get("/stacks/cedar").status == 404
    assert owner.get("/apps/shop/available-stacks").json == stacks
    (region,) = owner.get("/regions").json
    assert owner.get("/regions/us").json == region
    assert owner.get("/regions/mars").status == 404


@pytest.mark.parametrize("path", ["addons", "addon-attachments", "log-drains", "sni-endpoints", "webhooks"])
def test_lists_that_are_empty(world: World, path: str) -> None:
    assert world.as_("owner").get(f"/apps/shop/{path}").json == []
    assert world.as_("stranger").get(f"/apps/shop/{path}").status == 404


@pytest.mark.parametrize("path", ["pipeline-couplings", "review-app", "addons/x"])
def test_what_an_app_has_not(owner: Caller, path: str) -> None:
    answer = owner.get(f"/apps/shop/{path}")
    assert answer.error()[:2] == (404, "not_found")
    assert answer.json["resource"] != "app"
