"""Apps by the API: create, list, info, rename, maintenance, destroy."""

from __future__ import annotations

import pytest
from api_caller import Caller
from api_world import World

from haibun.control import apps as app_verbs


def test_an_app_has_every_field_that_the_cli_reads(owner: Caller) -> None:
    app = owner.get("/apps/shop").json
    for field in (
        "acm archived_at build_stack create_status generation git_url id internal_routing locked maintenance name "
        "organization owner process_tier region released_at repo_size slug_size space stack team web_url"
    ).split():
        assert field in app
    assert app["generation"]["name"] == "cedar"
    assert app["owner"]["email"] == "owner@example.com"
    assert app["web_url"] == "https://shop.apps.example.com/"
    assert app["git_url"] == "https://git.example.com:8443/shop.git"
    assert app["slug_size"] == 1234
    assert owner.get(f"/apps/{app['id']}").json == app


def test_create_with_a_name_and_without(owner: Caller) -> None:
    made = owner.post("/apps", {"name": "blog", "region": "us", "stack": "heroku-24"})
    assert made.status == 201
    assert made.json["stack"]["name"] == "heroku-24"
    unnamed = owner.post("/apps")
    assert unnamed.status == 201
    assert len(unnamed.json["name"].split("-")) == 3


def test_a_stack_can_be_named_by_its_id(owner: Caller) -> None:
    stack = next(each for each in owner.get("/stacks").json if each["name"] == "heroku-24")
    assert owner.post("/apps", {"stack": stack["id"]}).json["stack"] == {"id": stack["id"], "name": "heroku-24"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": "shop"}, "already taken"),
        ({"name": "Bad_Name"}, "must start with a letter"),
        ({"name": 7}, "name: Expected str | null, got int"),
        ({"stack": "cedar-14"}, "No such stack"),
        ({"region": "mars"}, "region: there is no 'mars'"),
        ({"team": {"name": "acme"}}, "team: this platform has none"),
        ({"name": "nul\0"}, "NUL"),
    ],
)
def test_create_refuses_what_is_wrong(owner: Caller, body: dict[str, object], says: str) -> None:
    status, error_id, message = owner.post("/apps", body).error()
    assert (status, error_id) == (422, "invalid_params")
    assert says in message


def test_rename_maintenance_and_stack(owner: Caller) -> None:
    app = owner.patch("/apps/shop", {"name": "store", "maintenance": True, "build_stack": "heroku-24"}).json
    assert (app["name"], app["maintenance"], app["build_stack"]["name"]) == ("store", True, "heroku-24")
    assert app["stack"]["name"] == "heroku-26"
    assert owner.get("/apps/shop").status == 404
    assert owner.get("/apps/store/domains").json[0]["hostname"] == "store.apps.example.com"


def test_a_destroyed_app_is_gone_and_its_name_free(owner: Caller) -> None:
    destroyed = owner.delete("/apps/shop")
    assert (destroyed.status, destroyed.json["name"]) == (200, "shop")
    assert owner.get("/apps/shop").error() == (404, "not_found", "Couldn't find that app.")
    assert owner.get("/apps/shop").json["resource"] == "app"
    assert owner.post("/apps", {"name": "shop"}).status == 201


def test_lists_show_ones_own_and_shared_apps(world: World) -> None:
    world.as_("stranger").post("/apps", {"name": "secret"})
    names = {
        who: [app["name"] for app in world.as_(who).get("/apps").json] for who in ("owner", "friend", "stranger")
    }
    assert names == {"owner": ["shop"], "friend": ["shop"], "stranger": ["secret"]}
    assert [app["name"] for app in world.as_("admin").get("/apps").json] == ["secret", "shop"]
    assert world.as_("admin").get("/users/~/apps").json == []
    assert world.as_("owner").get("/users/stranger@example.com/apps").status == 404


def test_a_long_list_of_apps_comes_in_pages(world: World) -> None:
    for number in range(5):
        app_verbs.create(world.control, world.actors["stranger"], name=f"app-{number}")
    stranger = world.as_("stranger")
    asked, names = "name ..; max=2", []
    for status in (206, 206, 200):
        page = stranger.get("/apps", headers={"range": asked})
        assert page.status == status
        names += [app["name"] for app in page.json]
        asked = page.headers.get("next-range", "")
    assert names == [f"app-{number}" for number in range(5)]
    assert asked == ""
    newest = stranger.get("/apps", headers={"range": "updated_at ..; order=desc"})
    assert len(newest.json) == 5


def test_filter_gives_the_apps_one_may_see(world: World) -> None:
    world.as_("stranger").post("/apps", {"name": "secret"})
    asked = {"in": {"id": ["shop", "secret", "nosuch"]}}
    answer = world.as_("owner").post("/filters/apps", asked, headers={"range": "id ..; max=1000;"})
    assert answer.status == 200
    assert [app["name"] for app in answer.json] == ["shop"]
