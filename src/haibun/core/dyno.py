"""Dyno sizes, and the phases of an attempt as a table."""

from __future__ import annotations

from dataclasses import dataclass

from haibun.core.errors import Refused


@dataclass(frozen=True)
class Size:
    """A dyno size: memory in MB, CPU shares (1024 = 1x), limit of processes and threads."""

    name: str
    memory_mb: int
    cpu_shares: int
    processes: int


SIZES = {
    size.name.lower(): size
    for size in (
        Size("Eco", 512, 1024, 256),
        Size("Basic", 512, 1024, 256),
        Size("Standard-1X", 512, 1024, 256),
        Size("Standard-2X", 1024, 2048, 512),
        Size("Performance-M", 2560, 8192, 16384),
        Size("Performance-L", 14336, 32768, 32768),
    )
}
DEFAULT_SIZE = "Basic"
BUILD_MEMORY_MB = 2560
"""Heroku's build dynos have about 2.5 GB."""


def size_named(name: str) -> Size:
    """The size of that name, however it is spelt in case; Refused if there is none."""
    try:
        return SIZES[name.lower()]
    except KeyError:
        known = ", ".join(size.name for size in SIZES.values())
        raise Refused(f"No such dyno size: {name[:40]}. There are {known}.") from None


# phase -> phases it may move to. Phases only grow; a restart is a new attempt.
PHASES: dict[str, frozenset[str]] = {
    "created": frozenset({"starting", "stopping", "crashed", "complete", "gone"}),
    "starting": frozenset({"up", "stopping", "crashed", "complete", "gone"}),
    "up": frozenset({"retiring", "stopping", "crashed", "complete", "gone"}),
    "retiring": frozenset({"stopping", "crashed", "complete", "gone"}),
    "stopping": frozenset({"complete", "gone"}),
    "crashed": frozenset({"gone"}),
    "complete": frozenset({"gone"}),
    "gone": frozenset(),
}
LIVE = frozenset({"created", "starting", "up", "retiring", "stopping"})


def moves(old: str, new: str) -> bool:
    """Whether an attempt may go from one phase to the other."""
    return new in PHASES[old]


def before(new: str) -> list[str]:
    """The phases from which an attempt may come to this one."""
    return [old for old, following in PHASES.items() if new in following]
