"""Dynos and formation by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from api_caller import Caller
from api_world import World

from haibun.store import dynos as dyno_rows


def states(caller: Caller) -> dict[str, str]:
    return {dyno["name"]: dyno["state"] for dyno in caller.get("/apps/shop/dynos").json}


def test_dynos_as_ps_shows_them(owner: Caller) -> None:
    web, worker = owner.get("/apps/shop/dynos").json
    assert (web["name"], web["type"], web["state"], web["size"]) == ("web.1", "web", "up", "Basic")
    assert web["release"]["version"] == 3
    assert web["attach_url"] is None
    assert worker["name"] == "worker.1"
    assert owner.get("/apps/shop/dynos/web.1").json == web
    assert owner.get(f"/apps/shop/dynos/{web['id']}").json == web
    assert owner.get("/apps/shop/dynos/web.2").error() == (404, "not_found", "Couldn't find that dyno.")
    assert owner.get("/apps/shop/dynos?extended=true").json[0]["extended"]["region"] == "local"


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        ("created", "starting"),
        ("starting", "starting"),
        ("retiring", "up"),
        ("crashed", "crashed"),
        ("stopping", "down"),
    ],
)
def test_the_newest_attempt_stands_for_its_slot(world: World, phase: str, state: str) -> None:
    later = world.control.clock.now() + timedelta(seconds=1)
    newest = world.add_dyno("shop", "web.1", phase, created_at=later)
    owner = world.as_("owner")
    assert states(owner) == {"web.1": state, "worker.1": "up"}
    assert owner.get("/apps/shop/dynos/web.1").json["id"] == newest


def test_what_is_not_shown(world: World) -> None:
    world.add_dyno("shop", "web.2", "stopping")
    world.add_dyno("shop", "web.3", "gone")
    world.add_dyno("shop", "build.4321", "up", kind="build")
    world.add_dyno("shop", "run.1000", "complete", kind="run")
    world.add_dyno("shop", "run.1001", "crashed", kind="run")
    world.add_dyno("shop", "release.1003", "up", kind="release")
    assert list(states(world.as_("owner"))) == ["web.1", "worker.1", "release.1003"]


def test_dynos_are_in_the_order_of_their_numbers(world: World) -> None:
    for number in (10, 9, 2):
        world.add_dyno("shop", f"web.{number}")
    assert list(states(world.as_("owner")))[:4] == ["web.1", "web.2", "web.9", "web.10"]


def test_an_attached_one_off(world: World) -> None:
    owner = world.as_("owner")
    body = {
        "command": "bash",
        "attach": True,
        "env": {"TERM": "xterm", "COLUMNS": 111, "LINES": 33},
        "size": "standard-2x",
    }
    made = owner.post("/apps/shop/dynos", body)
    assert made.status == 201
    dyno = made.json
    assert dyno["attach_url"].startswith("rendezvous://localhost:5605/")
    assert (dyno["state"], dyno["type"], dyno["size"], dyno["release"]["version"]) == (
        "starting",
        "run",
        "Standard-2X",
        3,
    )
    listed = owner.get(f"/apps/shop/dynos/{dyno['name']}").json
    assert (listed["id"], listed["attach_url"], listed["state"]) == (dyno["id"], None, "starting")
    with world.control.store.read() as conn:
        row = dyno_rows.one_off(conn, dyno["id"])
    assert row is not None
    assert row.tty
    assert world.control.open_config(row.env) == {"TERM": "xterm", "COLUMNS": "111", "LINES": "33"}


def test_a_detached_one_off_and_one_without_a_terminal(world: World) -> None:
    owner = world.as_("owner")
    detached = owner.post(
        "/apps/shop/dynos", {"command": "worker --once", "time_to_live": 60, "type": "worker"}
    ).json
    assert detached["attach_url"] is None
    assert (detached["command"], detached["type"]) == ("work --once", "worker")
    piped = owner.post("/apps/shop/dynos", {"command": "cat", "attach": True, "force_no_tty": True}).json
    with world.control.store.read() as conn:
        row = dyno_rows.one_off(conn, piped["id"])
    assert row is not None
    assert (row.attach, row.tty) == (True, False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "command is required"),
        ({"command": ""}, "command"),
        ({"command": "x", "size": "huge"}, "No such dyno size"),
        ({"command": "x", "type": "../../etc"}, "not a process type"),
        ({"command": "x", "env": {"A=B": "1"}}, "A=B"),
        ({"command": "x", "env": {"A": None}}, "env"),
        ({"command": "x", "time_to_live": 0}, "time_to_live"),
        ({"command": "x", "time_to_live": 90_000}, "time_to_live"),
        ({"command": "a\0b"}, "NUL"),
    ],
)
def test_one_offs_that_are_refused(owner: Caller, body: dict[str, Any], says: str) -> None:
    answer = owner.post("/apps/shop/dynos", body)
    assert answer.status == 422
    assert says in answer.json["message"]


def test_an_app_without_code_runs_nothing(owner: Caller) -> None:
    owner.post("/apps", {"name": "empty"})
    assert owner.post("/apps/empty/dynos", {"command": "bash"}).error()[:2] == (422, "no_release")


@pytest.mark.parametrize("path", ["dynos", "dynos/web.1", "formations/web", "dynos/{id}"])
def test_restarts_are_asked_for(world: World, path: str) -> None:
    owner = world.as_("owner")
    dyno_id = owner.get("/apps/shop/dynos/web.1").json["id"]
    answer = owner.delete("/apps/shop/" + path.format(id=dyno_id))
    assert (answer.status, answer.json) == (202, {})
    with world.control.store.read() as conn:
        targets = [row.target for row in dyno_rows.restarts_of(conn, owner.get("/apps/shop").json["id"])]
    assert targets == [{"dynos": "", "formations/web": "web"}.get(path, "web.1")]


@pytest.mark.parametrize("path", ["dynos/web.7", "dynos/run.1234", "formations/clock"])
def test_no_restart_of_what_is_not_there(owner: Caller, path: str) -> None:
    assert owner.delete(f"/apps/shop/{path}").status == 404


def test_one_offs_are_stopped_by_name_and_by_type(world: World) -> None:
    owner = world.as_("owner")
    names = [owner.post("/apps/shop/dynos", {"command": "sleep 9"}).json["name"] for _ in range(3)]
    assert owner.post(f"/apps/shop/dynos/{names[0]}/actions/stop").status == 202
    assert _stopping(world) == {names[0]}
    assert owner.post("/apps/shop/formations/run/actions/stop").status == 202
    assert _stopping(world) == set(names)
    assert owner.post("/apps/shop/dynos/web.1/actions/stop").status == 202
    assert owner.post("/apps/shop/dynos/run.1/actions/stop").status == 404


def _stopping(world: World) -> set[str]:
    app_id = world.as_("owner").get("/apps/shop").json["id"]
    with world.control.store.read() as conn:
        return {row.name for row in dyno_rows.one_offs_of(conn, app_id) if row.stop_requested_at is not None}


def test_formation(owner: Caller) -> None:
    web, worker = owner.get("/apps/shop/formation").json
    assert (web["type"], web["quantity"], web["size"], web["command"]) == ("web", 1, "Basic", "gunicorn hello")
    assert worker["type"] == "worker"
    assert owner.get("/apps/shop/formation/web").json == web
    assert owner.get(f"/apps/shop/formation/{web['id']}").json == web
    assert owner.get("/apps/shop/formation/clock").status == 404


def test_scaling_as_the_cli_says_it(owner: Caller) -> None:
    updates = [{"type": "web", "quantity": "+2", "size": "standard-1x"}, {"type": "worker", "quantity": 0}]
    rows = owner.patch("/apps/shop/formation", {"updates": updates}).json
    assert [(row["type"], row["quantity"], row["size"]) for row in rows] == [
        ("web", 3, "Standard-1X"),
        ("worker", 0, "Basic"),
    ]
    size = next(each for each in owner.get("/dyno-sizes").json if each["name"] == "Performance-M")
    one = owner.patch("/apps/shop/formation/web", {"quantity": 1, "dyno_size": {"id": size["id"]}}).json
    assert (one["quantity"], one["size"]) == (1, "Performance-M")


@pytest.mark.parametrize(
    ("update", "status", "says"),
    [
        ({"type": "clock", "quantity": 1}, 404, "process type (clock)"),
        ({"type": "web", "quantity": "many"}, 422, "not a quantity"),
        ({"type": "web", "quantity": -1}, 422, "quantity"),
        ({"type": "web", "quantity": 101}, 422, "at most 100"),
        ({"type": "web", "size": "huge"}, 422, "No such dyno size"),
        ({"type": "web", "docker_image": "x"}, 422, "docker_image"),
    ],
)
def test_scalings_that_are_refused_change_nothing(owner: Caller, update: Any, status: int, says: str) -> None:
    before = owner.get("/apps/shop/formation").json
    answer = owner.patch("/apps/shop/formation", {"updates": [{"type": "worker", "quantity": 9}, update]})
    assert answer.status == status
    assert says in answer.json["message"]
    assert owner.get("/apps/shop/formation").json == before


def test_sizes(owner: Caller) -> None:
    sizes = owner.get("/dyno-sizes").json
    assert [size["name"] for size in sizes] == [
        "Eco",
        "Basic",
        "Standard-1X",
        "Standard-2X",
        "Performance-M",
        "Performance-L",
    ]
    assert owner.get("/dyno-sizes/standard-1x").json == sizes[2]
    assert owner.get(f"/dyno-sizes/{sizes[1]['id']}").json == sizes[1]
    assert owner.get("/dyno-sizes/huge").status == 404
    assert owner.get("/apps/shop/available-dyno-sizes").json == sizes
