"""What the planner of dynos sees and says, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from haibun.core.dyno import LIVE


@dataclass(frozen=True)
class TypeWanted:
    """One row of the formation, with the command that the wanted release gives it."""

    name: str
    quantity: int
    size: str
    command: str


@dataclass(frozen=True)
class Attempt:
    """One attempt at filling a slot. `route`: what the router says of it (routed, drained or None).
    `busy`: an operation on it is under way that cannot be broken off. `since`: when its phase last changed."""

    id: str
    name: str
    type: str
    kind: str
    release_id: str | None
    size: str
    phase: str
    serving: bool
    created_at: datetime
    since: datetime
    crashes: int = 0
    retry_at: datetime | None = None
    route: str | None = None
    busy: bool = False

    @property
    def live(self) -> bool:
        return self.phase in LIVE


@dataclass(frozen=True)
class OneOffWanted:
    """A one-off dyno that somebody asked for. `ready`: its client is connected, or none is needed. `ended`:
    it has run, and is not forgotten yet by who asked."""

    id: str
    name: str
    kind: str
    created_at: datetime
    ready: bool
    stop: bool
    time_to_live: int | None = None
    ended: bool = False


@dataclass(frozen=True)
class Snapshot:
    """Everything about one app's dynos at one moment."""

    app_id: str
    now: datetime
    release_id: str | None = None
    deleted: bool = False
    preboot: bool = True
    types: tuple[TypeWanted, ...] = ()
    restarts: dict[str, datetime] = field(default_factory=dict)
    one_offs: tuple[OneOffWanted, ...] = ()
    attempts: tuple[Attempt, ...] = ()


Verb = Literal["serve", "retire", "stop", "forget"]


@dataclass(frozen=True)
class Create:
    """Fill a slot with a new attempt. `crashes`: how many before it crashed in a row."""

    name: str
    type: TypeWanted
    crashes: int = 0


@dataclass(frozen=True)
class Do:
    """Do something to an attempt: serve (give it traffic), retire (take traffic away), stop, forget."""

    verb: Verb
    id: str
    why: str = ""


@dataclass(frozen=True)
class Begin:
    """Start the one-off with that id."""

    id: str


@dataclass(frozen=True)
class Abandon:
    """Forget a one-off that is not to start: told to stop, or its client never came (code R13)."""

    id: str
    code: str | None = None


Operation = Create | Do | Begin | Abandon


@dataclass(frozen=True)
class Plan:
    """Operations to do now, and the seconds until the next look if nothing hints before."""

    operations: tuple[Operation, ...]
    look_again_seconds: float | None
