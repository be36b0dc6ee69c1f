"""What a push asks for, and what that means: pure. Which branch builds, what is refused, what is said.

Owns the rules of branches. Never runs git or touches a repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from haibun.core.errors import Refused

BUILT = ("refs/heads/main", "refs/heads/master")
LINE = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (refs/[^\x00-\x20\x7f]+)")


@dataclass(frozen=True)
class RefUpdate:
    """One ref: its object before and after, all zeros for none."""

    old: str
    new: str
    name: str

    @property
    def deletes(self) -> bool:
        return not self.new.strip("0")


@dataclass(frozen=True)
class Plan:
    """`build` is the update to build, if any; `notes` are sentences for the pusher."""

    build: RefUpdate | None = None
    notes: tuple[str, ...] = ()


def parse(lines: Iterable[bytes]) -> list[RefUpdate]:
    """`<old> <new> <ref>` lines, as git gives them to pre-receive. Refused on anything else."""
    updates = []
    for line in lines:
        match = LINE.fullmatch(line.decode("utf-8", "surrogateescape"))
        if match is None:
            raise Refused("A ref of this push has a name that is not understood. Rename it and push again.")
        updates.append(RefUpdate(*match.groups()))
    return updates


def plan(updates: list[RefUpdate]) -> Plan:
    """What to do about a push. Refused if it must not be taken at all."""
    by_name = {update.name: update for update in updates}
    main = by_name.get(BUILT[0])
    if main is not None and main.deletes:
        raise Refused(
            "The main branch cannot be deleted: it is what the app is built from. "
            "To remove the app itself, destroy it."
        )
    wanted = [by_name[name] for name in BUILT if name in by_name and not by_name[name].deletes]
    notes = []
    if len(wanted) == 2:
        notes.append("Both main and master were pushed; main is built.")
    branches = [u.name.removeprefix("refs/heads/") for u in updates if u.name.startswith("refs/heads/")]
    if not wanted and any(not u.deletes for u in updates):
        notes.extend(_skipped([name for name in branches if not by_name["refs/heads/" + name].deletes]))
    return Plan(wanted[0] if wanted else None, tuple(notes))


def _skipped(branches: list[str]) -> list[str]:
    if not branches:
        return ["No branch was pushed, skipping build."]
    name = branches[0].encode(errors="replace").decode()
    return [
        "Pushed to non-main branch, skipping build.",
        f"To build and deploy it, push it to main: git push haibun {name}:main",
    ]
