"""The planner of dynos: one example per state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from haibun.dynos.model import Abandon, Attempt, Begin, Create, Do, OneOffWanted, Snapshot, TypeWanted
from haibun.dynos.plan import plan

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WEB = TypeWanted("web", 1, "Basic", "serve")
WORKER = TypeWanted("worker", 1, "Basic", "work")


def attempt(id: str, phase: str, *, release: str = "r2", name: str = "web.1", **more: object) -> Attempt:
    values: dict[str, object] = {
        "type": name.partition(".")[0],
        "kind": "formation",
        "size": "Basic",
        "serving": False,
        "created_at": NOW - timedelta(minutes=1),
        "since": NOW - timedelta(seconds=10),
    }
    return Attempt(id=id, name=name, phase=phase, release_id=release, **(values | more))  # type: ignore[arg-type]


def snapshot(*attempts: Attempt, types: tuple[TypeWanted, ...] = (WEB,), **more: object) -> Snapshot:
    return Snapshot("app", NOW, release_id="r2", types=types, attempts=attempts, **more)  # type: ignore[arg-type]


OLD = attempt("old", "up", release="r1", serving=True, route="routed")
TABLE = {
    "an empty slot is filled": (snapshot(), [Create("web.1", WEB)]),
    "a booting dyno is waited for": (snapshot(attempt("a", "starting")), []),
    "the first dyno that is up serves": (snapshot(attempt("a", "up")), [Do("serve", "a")]),
    "what is as wanted is left alone": (snapshot(attempt("a", "up", serving=True)), []),
    "a deploy boots beside the old": (snapshot(OLD), [Create("web.1", WEB)]),
    "the old serves while the new boots": (snapshot(OLD, attempt("new", "starting")), []),
    "the switch": (snapshot(OLD, attempt("new", "up")), [Do("serve", "new"), Do("retire", "old")]),
    "no switch to a dyno that is still busy": (snapshot(OLD, attempt("new", "up", busy=True)), []),
    "a crashed new dyno leaves the old serving": (
        snapshot(OLD, attempt("new", "crashed", crashes=1, retry_at=NOW + timedelta(seconds=5))),
        [],
    ),
    "a crash is tried again after its wait": (
        snapshot(attempt("a", "crashed", crashes=2, retry_at=NOW)),
        [Do("forget", "a"), Create("web.1", WEB, 2)],
    ),
    "a crash before the last one is forgotten while the last one waits": (
        snapshot(
            attempt("a", "crashed", crashes=1, retry_at=NOW),
            attempt("b", "crashed", crashes=2, retry_at=NOW + timedelta(seconds=5)),
        ),
        [Do("forget", "a")],
    ),
    "a crash is forgotten once its slot is filled": (
        snapshot(attempt("a", "crashed", crashes=1, retry_at=NOW), attempt("b", "starting")),
        [Do("forget", "a")],
    ),
    "a retiring dyno that still has requests goes on": (
        snapshot(attempt("new", "up", serving=True), attempt("old", "retiring", release="r1", route="routed")),
        [],
    ),
    "a drained dyno is stopped": (
        snapshot(attempt("new", "up", serving=True), attempt("old", "retiring", release="r1", route="drained")),
        [Do("stop", "old", "down")],
    ),
    "a worker is replaced at once": (
        snapshot(attempt("old", "up", name="worker.1", release="r1"), types=(WORKER,)),
        [Create("worker.1", WORKER), Do("stop", "old", "starting")],
    ),
    "scaled down: it loses traffic first": (
        snapshot(attempt("a", "up", serving=True), attempt("b", "up", name="web.2", serving=True)),
        [Do("retire", "b")],
    ),
    "a restart makes a new attempt": (
        snapshot(attempt("a", "up", serving=True), restarts={"web.1": NOW - timedelta(seconds=1)}),
        [Create("web.1", WEB)],
    ),
    "busy attempts are left to what is under way": (
        snapshot(attempt("old", "up", name="worker.1", release="r1", busy=True), types=()),
        [],
    ),
    "a destroyed app stops at once": (
        snapshot(attempt("a", "up", serving=True), deleted=True),
        [Do("stop", "a", "down")],
    ),
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_table(case: tuple[Snapshot, list[object]]) -> None:
    seen, operations = case
    assert list(plan(seen).operations) == operations


def one_off(**more: object) -> OneOffWanted:
    values: dict[str, object] = {"kind": "run", "created_at": NOW, "ready": True, "stop": False}
    return OneOffWanted("o", "run.1", **(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "operations"),
    [
        (one_off(), [Begin("o")]),
        (one_off(ready=False), []),
        (one_off(ready=False, created_at=NOW - timedelta(seconds=31)), [Abandon("o", "R13")]),
        (one_off(stop=True), [Abandon("o")]),
        (one_off(ended=True), [Abandon("o")]),
        (one_off(ended=True, kind="build"), []),
        (one_off(time_to_live=60, created_at=NOW - timedelta(seconds=61)), [Abandon("o")]),
    ],
)
def test_one_offs(wanted: OneOffWanted, operations: list[object]) -> None:
    assert list(plan(snapshot(types=(), one_offs=(wanted,))).operations) == operations


def test_a_one_off_whose_client_has_left_is_stopped() -> None:
    running = attempt("o", "up", name="run.1", kind="run")
    made = plan(snapshot(running, types=(), one_offs=(one_off(ready=False),)))
    assert list(made.operations) == [Do("stop", "o", "complete")]


def test_it_says_when_to_look_again() -> None:
    waiting = attempt("a", "crashed", crashes=1, retry_at=NOW + timedelta(seconds=5))
    assert plan(snapshot(waiting)).look_again_seconds == 5
