"""Releases, config vars and slugs by the API."""

from __future__ import annotations

import pytest
from api_caller import Caller
from api_world import TYPES, World


def test_releases_are_cut_as_the_cli_asks(owner: Caller) -> None:
    for value in range(20):
        owner.patch("/apps/shop/config-vars", {"N": str(value)})
    for header in ("version ..; max=1, order=desc", "version ..; order=desc,max=1"):
        page = owner.get("/apps/shop/releases", headers={"range": header})
        assert (page.status, [release["version"] for release in page.json]) == (206, [23])
        assert page.headers["next-range"] == "version ]23..; max=1, order=desc"
        assert page.headers["content-range"] == "version 23..23"
    versions, asked = [], "version ..; max=15, order=desc"
    while asked:
        page = owner.get("/apps/shop/releases", headers={"range": asked})
        versions += [release["version"] for release in page.json]
        asked = page.headers.get("next-range", "")
    assert versions == list(range(23, 0, -1))
    assert page.status == 200
    between = owner.get("/apps/shop/releases", headers={"range": "version 2..4"})
    assert [release["version"] for release in between.json] == [2, 3, 4]
    assert [release["version"] for release in owner.get("/apps/shop/releases").json] == list(range(1, 24))


def test_a_release_is_found_by_id_and_version(owner: Caller) -> None:
    newest = owner.get("/apps/shop/releases/3").json
    assert newest["description"] == "Deploy aaaaaaaa"
    assert newest["current"] is True
    assert newest["eligible_for_rollback"] is True
    assert newest["output_stream_url"] is None
    assert newest["user"]["email"] == "owner@example.com"
    for identity in ("v3", newest["id"]):
        assert owner.get(f"/apps/shop/releases/{identity}").json == newest
    assert owner.get("/apps/shop/releases/99").error() == (404, "not_found", "Couldn't find that release.")
    first = owner.get("/apps/shop/releases/1").json
    assert (first["current"], first["eligible_for_rollback"], first["slug"]) == (False, False, None)


def test_extended_releases_tell_their_slug(owner: Caller) -> None:
    release = owner.get("/apps/shop/releases/3?extended=true").json
    assert release["extended"]["slug_uuid"] == release["slug"]["id"]


def test_rollback(owner: Caller) -> None:
    owner.patch("/apps/shop/config-vars", {"A": "new"})
    old = owner.get("/apps/shop/releases/3").json
    made = owner.post("/apps/shop/releases", {"release": old["id"]})
    assert (made.status, made.json["version"], made.json["description"]) == (201, 5, "Rollback to v3")
    assert made.json["current"] is True
    assert made.json["slug"] == old["slug"]
    assert owner.get("/apps/shop/config-vars").json == {}


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"release": "1"}, 422, "it has no code"),
        ({"release": "77"}, 404, "Couldn't find that release."),
        ({"slug": "00000000-0000-4000-8000-000000000000"}, 404, "Couldn't find that slug."),
        ({}, 422, "release or slug is required"),
    ],
)
def test_what_cannot_be_released(owner: Caller, body: dict[str, str], status: int, says: str) -> None:
    answer = owner.post("/apps/shop/releases", body)
    assert answer.status == status
    assert says in answer.json["message"]


def test_a_slug_can_be_released_again(owner: Caller) -> None:
    slug = owner.get("/apps/shop/releases/3").json["slug"]["id"]
    made = owner.post("/apps/shop/releases", {"slug": slug, "description": "Once more"})
    assert (made.status, made.json["description"]) == (201, "Once more")


def test_slug_info(world: World) -> None:
    owner = world.as_("owner")
    slug_id = owner.get("/apps/shop/releases/3").json["slug"]["id"]
    slug = owner.get(f"/apps/shop/slugs/{slug_id}").json
    assert (slug["process_types"]["web"], slug["commit"], slug["size"]) == (TYPES["web"], "a" * 40, 1234)
    world.as_("owner").post("/apps", {"name": "other"})
    assert owner.get(f"/apps/other/slugs/{slug_id}").status == 404


def test_a_release_with_a_phase_has_a_stream(world: World) -> None:
    row = world.deploy(types=TYPES, commit="b" * 40)
    owner = world.as_("owner")
    release = owner.get(f"/apps/shop/releases/{row.version}").json
    assert (release["status"], release["current"]) == ("pending", False)
    assert release["output_stream_url"] == f"http://localhost:5605/streams/{row.id}"
    assert owner.get(f"/streams/{row.id}").status == 404
    world.layout.streams.mkdir(parents=True)
    (world.layout.streams / row.id).write_text("migrating\n")
    (world.layout.streams / f"{row.id}.done").write_text("succeeded")
    output = world.as_("nobody").get(f"/streams/{row.id}")
    assert (output.status, output.content) == (200, b"migrating\n")
    assert output.headers["content-type"].startswith("text/plain")


def test_config_vars_are_merged_and_come_back_whole(owner: Caller) -> None:
    assert owner.patch("/apps/shop/config-vars", {"A": "1", "B": "2"}).json == {"A": "1", "B": "2"}
    assert owner.patch("/apps/shop/config-vars", {"A": None, "C": "3"}).json == {"B": "2", "C": "3"}
    assert owner.get("/apps/shop/config-vars").json == {"B": "2", "C": "3"}
    assert owner.get("/apps/shop/releases/4/config-vars").json == {"A": "1", "B": "2"}
    assert owner.get("/apps/shop/releases/9/config-vars").status == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"A": 1}, "Expected str | null"),
        ({"1BAD": "x"}, "1BAD"),
        ({"A": "x" * 70_000}, "64 KB"),
        (["A"], "Expected object"),
    ],
)
def test_config_vars_that_are_refused(owner: Caller, body: object, says: str) -> None:
    answer = owner.patch("/apps/shop/config-vars", body)
    assert answer.status == 422
    assert says in answer.json["message"]
    assert owner.get("/apps/shop/config-vars").json == {}
