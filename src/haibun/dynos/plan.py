"""The pure planner: from what is wanted and seen of one app's dynos to small operations.

It never takes an old web dyno from the traffic before every new one of its type is up, and it is at
rest (no operations) when what is seen is what is wanted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from haibun.dynos.model import (
    Abandon,
    Attempt,
    Begin,
    Create,
    Do,
    OneOffWanted,
    Operation,
    Plan,
    Snapshot,
    TypeWanted,
)

BOOTING = frozenset({"created", "starting", "up"})
ATTACH_WAIT = timedelta(seconds=30)
DRAIN_LIMIT = timedelta(seconds=35)
UNROUTED_GRACE = timedelta(seconds=1)


class _Look:
    """One look: collects operations and the soonest moment to look again."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.operations: list[Operation] = []
        self.moments: list[datetime] = []

    def do(self, operation: Operation, attempt: Attempt | None = None) -> None:
        if attempt is None or not attempt.busy:
            self.operations.append(operation)

    def at(self, moment: datetime) -> None:
        self.moments.append(moment)

    def plan(self) -> Plan:
        now = self.snapshot.now
        waits = [max(0.0, (moment - now).total_seconds()) for moment in self.moments]
        return Plan(tuple(self.operations), min(waits, default=None))


def plan(snapshot: Snapshot) -> Plan:
    """What to do next for this app."""
    look = _Look(snapshot)
    types = () if snapshot.deleted or snapshot.release_id is None else snapshot.types
    wanted = {f"{kind.name}.{n}": kind for kind in types for n in range(1, kind.quantity + 1)}
    for kind in types:
        _type(look, kind)
    for attempt in snapshot.attempts:
        if attempt.kind == "formation" and attempt.name not in wanted:
            _unwanted(look, attempt)
        if attempt.phase == "retiring":
            _retiring(look, attempt)
    _one_offs(look)
    return look.plan()


def fresh(snapshot: Snapshot, attempt: Attempt, kind: TypeWanted) -> bool:
    """Whether the attempt is what is wanted now: this release, this size, made after the last restart."""
    stamps = (snapshot.restarts.get(target) for target in ("", attempt.type, attempt.name))
    return (
        attempt.release_id == snapshot.release_id
        and attempt.size == kind.size
        and all(stamp is None or attempt.created_at >= stamp for stamp in stamps)
    )


def _type(look: _Look, kind: TypeWanted) -> None:
    slots = [f"{kind.name}.{n}" for n in range(1, kind.quantity + 1)]
    mine = [a for a in look.snapshot.attempts if a.kind == "formation" and a.name in slots]
    new = [a for a in mine if fresh(look.snapshot, a, kind)]
    old = [a for a in mine if a not in new]
    for slot in slots:
        _fill(look, kind, slot, [a for a in new if a.name == slot])
    for attempt in old:
        if attempt.phase == "crashed":
            look.do(Do("forget", attempt.id), attempt)
    _replace(look, kind, slots, new, old)


def _fill(look: _Look, kind: TypeWanted, slot: str, new: list[Attempt]) -> None:
    filled = any(a.phase in BOOTING for a in new)
    crashed = [a for a in new if a.phase == "crashed"]
    last = crashed[-1] if crashed and not filled else None
    for attempt in crashed:
        if attempt is not last:
            look.do(Do("forget", attempt.id), attempt)
    if filled:
        return
    if last and last.retry_at and last.retry_at > look.snapshot.now:
        look.at(last.retry_at)
        return
    if last:
        look.do(Do("forget", last.id), last)
    look.do(Create(slot, kind, last.crashes if last else 0))


def _replace(look: _Look, kind: TypeWanted, slots: list[str], new: list[Attempt], old: list[Attempt]) -> None:
    # One that is busy cannot be given traffic yet, so nothing may be taken from the old on its account.
    up = [a for a in new if a.phase == "up" and (a.serving or not a.busy)]
    serving = [a for a in old if a.phase == "up" and a.serving]
    gradual = kind.name == "web" and look.snapshot.preboot
    ready = not serving or {a.name for a in up} == set(slots)
    if ready or not gradual:
        for attempt in up:
            if kind.name == "web" and not attempt.serving:
                look.do(Do("serve", attempt.id), attempt)
    for attempt in old:
        if attempt.phase not in BOOTING:
            continue
        if attempt not in serving or kind.name != "web":
            look.do(Do("stop", attempt.id, "starting"), attempt)
        elif ready or not gradual:
            look.do(Do("retire", attempt.id), attempt)


def _unwanted(look: _Look, attempt: Attempt) -> None:
    if attempt.phase == "crashed":
        look.do(Do("forget", attempt.id), attempt)
    elif attempt.phase == "up" and attempt.serving and not look.snapshot.deleted:
        look.do(Do("retire", attempt.id), attempt)
    elif attempt.phase in BOOTING:
        look.do(Do("stop", attempt.id, "down"), attempt)


def _retiring(look: _Look, attempt: Attempt) -> None:
    waited = look.snapshot.now - attempt.since
    # The router may be about to add it: one second for it to notice that it is not wanted any more.
    unrouted = attempt.route is None and waited >= UNROUTED_GRACE
    if attempt.route == "drained" or unrouted or waited >= DRAIN_LIMIT:
        look.do(Do("stop", attempt.id, "down"), attempt)
        return
    look.at(attempt.since + (UNROUTED_GRACE if attempt.route is None else DRAIN_LIMIT))


def _one_offs(look: _Look) -> None:
    attempts = {a.id: a for a in look.snapshot.attempts if a.kind != "formation"}
    wanted = {o.id: o for o in look.snapshot.one_offs}
    for one_off in wanted.values():
        _one_off(look, one_off, attempts.get(one_off.id))
    for attempt in attempts.values():
        if attempt.id not in wanted and attempt.phase in BOOTING:
            look.do(Do("stop", attempt.id, "complete"), attempt)


def _one_off(look: _Look, one_off: OneOffWanted, attempt: Attempt | None) -> None:
    now = look.snapshot.now
    if one_off.ended:
        if one_off.kind != "build":  # the builds room still reads what came of a build
            look.do(Abandon(one_off.id))
        return
    stop = one_off.stop or look.snapshot.deleted
    if one_off.time_to_live is not None:
        deadline = one_off.created_at + timedelta(seconds=one_off.time_to_live)
        stop = stop or now >= deadline
        look.at(deadline) if not stop else None
    if attempt is None:
        if stop:
            look.do(Abandon(one_off.id))
        elif one_off.ready:
            look.do(Begin(one_off.id))
        elif now - one_off.created_at >= ATTACH_WAIT:
            look.do(Abandon(one_off.id, "R13"))
        else:
            look.at(one_off.created_at + ATTACH_WAIT)
    elif (stop or not one_off.ready) and attempt.phase in BOOTING:
        # Not ready any more: its client has left, also while nobody of us was there to see it.
        look.do(Do("stop", attempt.id, "complete"), attempt)
