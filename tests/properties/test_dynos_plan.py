"""The planner of dynos against a small model of the world: invariants that hold at every step."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from haibun.core.dyno import moves
from haibun.dynos.model import Attempt, Create, Do, Snapshot, TypeWanted
from haibun.dynos.plan import plan

START = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = ("web", "worker")
EVENTS = st.one_of(
    st.tuples(st.just("release"), st.none()),
    st.tuples(st.just("restart"), st.sampled_from(["", "web", "web.1", "worker.1"])),
    st.tuples(st.just("scale"), st.tuples(st.sampled_from(TYPES), st.integers(0, 3))),
    st.tuples(st.just("crash"), st.integers(0, 5)),
    st.tuples(st.just("tick"), st.integers(1, 40)),
)


class World:
    """A platform in miniature: what a snapshot says, and what operations and time do to it."""

    def __init__(self) -> None:
        self.now = START
        self.release = 1
        self.quantity = {"web": 1, "worker": 1}
        self.restarts: dict[str, datetime] = {}
        self.attempts: dict[str, Attempt] = {}
        self._ids = count()

    def snapshot(self) -> Snapshot:
        return Snapshot(
            "app",
            self.now,
            release_id=f"r{self.release}",
            types=tuple(TypeWanted(name, n, "Basic", name) for name, n in self.quantity.items()),
            restarts=dict(self.restarts),
            attempts=tuple(self.attempts.values()),
        )

    def look(self) -> int:
        made = plan(self.snapshot())
        for operation in made.operations:
            if isinstance(operation, Create):
                id = f"a{next(self._ids)}"
                kind = operation.type
                self.attempts[id] = Attempt(
                    id, operation.name, kind.name, "formation", f"r{self.release}", kind.size,
                    "starting", False, self.now, self.now, operation.crashes,
                )  # fmt: skip
            else:
                assert isinstance(operation, Do)
                self._do(operation)
        return len(made.operations)

    def _do(self, operation: Do) -> None:
        attempt = self.attempts[operation.id]
        if operation.verb == "serve":
            self._change(attempt, serving=True, route="routed")
        elif operation.verb == "retire":
            self._move(attempt, "retiring", serving=False)
        else:
            self._move(attempt, "gone") if operation.verb == "forget" else self._move(attempt, "stopping")
            del self.attempts[operation.id]

    def _move(self, attempt: Attempt, phase: str, **more: object) -> None:
        assert moves(attempt.phase, phase), f"{attempt.phase} -> {phase}"
        self._change(attempt, phase=phase, since=self.now, **more)

    def _change(self, attempt: Attempt, **more: object) -> None:
        self.attempts[attempt.id] = dataclasses.replace(attempt, **more)  # type: ignore[arg-type]

    def tick(self, seconds: int) -> None:
        """Time passes: what boots comes up, what retires is drained."""
        self.now += timedelta(seconds=seconds)
        for attempt in list(self.attempts.values()):
            if attempt.phase == "starting":
                self._move(attempt, "up")
            elif attempt.phase == "retiring":
                self._change(attempt, route="drained")

    def serving(self) -> int:
        return sum(a.serving for a in self.attempts.values() if a.type == "web")

    def event(self, name: str, value: object) -> None:
        if name == "release":
            self.release += 1
        elif name == "restart":
            self.restarts[str(value)] = self.now
        elif name == "scale":
            kind, number = value  # type: ignore[misc]
            self.quantity[kind] = number
        elif name == "tick":
            self.tick(value)  # type: ignore[arg-type]
        else:
            up = [a for a in self.attempts.values() if a.phase == "up"]
            if up:
                victim = up[int(value) % len(up)]  # type: ignore[call-overload]
                self._move(victim, "crashed", serving=False, crashes=1, retry_at=self.now + timedelta(seconds=5))


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_it_comes_to_rest_as_wanted(events: list[tuple[str, object]]) -> None:
    world = World()
    for name, value in events:
        world.event(name, value)
        world.look()
    for _ in range(8):
        world.tick(60)
        while world.look():
            pass
    assert sorted(a.name for a in world.attempts.values()) == sorted(
        f"{kind}.{n}" for kind, total in world.quantity.items() for n in range(1, total + 1)
    )
    assert {a.release_id for a in world.attempts.values()} <= {f"r{world.release}"}
    assert world.serving() == world.quantity["web"]


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS.filter(lambda event: event[0] not in ("crash", "scale")), max_size=25))
def test_a_deploy_never_leaves_fewer_serving_than_wanted(events: list[tuple[str, object]]) -> None:
    world = World()
    world.quantity["web"] = 2
    while world.look():
        world.tick(1)
    assert world.serving() == 2
    for name, value in events:
        world.event(name, value)
        world.look()
        assert world.serving() >= 2
