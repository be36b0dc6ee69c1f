"""The planner: wanted table and what HAProxy holds -> small operations. Pure, and level-triggered.

It repairs whatever it finds. The order keeps three promises at every step in between: a server of one app is
never behind another app's host; an app that should be served keeps a ready server; a host appears after its
servers and disappears before them.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from haibun.router.ops import (
    AddServer,
    Backend,
    DelHost,
    DelServer,
    FreeSlot,
    Grow,
    Op,
    Proxy,
    SetAddress,
    SetHost,
    SetOwner,
    SetPower,
    SetReady,
)
from haibun.router.table import AppRoutes, RouteTable, Server, dyno_id_of


def plan(wanted: RouteTable, seen: Proxy, resting: Set[int] = frozenset()) -> list[Op]:
    """Operations that turn `seen` into `wanted`, in the order to do them.

    `resting`: free slots that should not be given to another app yet, since a request of the last one may
    still wait in there.
    """
    apps = {app.app_id: app for app in wanted.apps}
    placed, grow = _place(apps, seen, resting)
    slots = {slot: apps[app_id] for app_id, slot in placed.items()}
    homes = {server.dyno_id: app.app_id for app in apps.values() for server in app.servers}
    return [
        *grow,
        *_claim(slots, seen),
        *_evict(slots, homes, seen),
        *_raise(slots, seen),
        *_set_states(slots, seen),
        *_set_hosts(wanted, placed, seen),
        *_drain(slots, seen),
        *_remove(slots, seen),
        *(FreeSlot(slot) for slot in sorted(seen.owners) if slot not in slots),
        *([] if seen.ready else [SetReady()]),
    ]


def _place(apps: dict[str, AppRoutes], seen: Proxy, resting: Set[int]) -> tuple[dict[str, int], list[Op]]:
    """App id -> slot, and growth if there are too few. An app keeps its slot; the lowest if it has two."""
    placed: dict[str, int] = {}
    for slot in sorted(seen.owners):
        app_id = seen.owners[slot][0]
        if app_id in apps and slot < seen.slots:
            placed.setdefault(app_id, slot)
    homeless = [app_id for app_id in apps if app_id not in placed]
    if not homeless:
        return placed, []
    taken = {*seen.owners, *seen.servers, *seen.hosts.values(), *resting}
    free = [slot for slot in range(seen.slots) if slot not in taken]
    slots = max(seen.slots, 1)
    while len(free) < len(homeless):
        free += range(slots if seen.slots else 0, slots * 2)
        slots *= 2
    placed.update(zip(homeless, free, strict=False))
    return placed, [Grow(slots)] if slots > seen.slots else []


def _claim(slots: dict[int, AppRoutes], seen: Proxy) -> Iterator[Op]:
    """A new owner is written before anything else is in the slot."""
    for slot, app in slots.items():
        if slot not in seen.owners:
            yield SetOwner(slot, app.app_id, app.state)


def _evict(slots: dict[int, AppRoutes], homes: dict[str, str], seen: Proxy) -> Iterator[Op]:
    """Servers that belong to another app are shut off first; only an accident puts them there."""
    for slot, servers in seen.servers.items():
        owner = slots[slot].app_id if slot in slots else None
        for key, server in servers.items():
            home = homes.get(dyno_id_of(key))
            if server.power != "maint" and home is not None and home != owner:
                yield SetPower(slot, key, "maint")


def _raise(slots: dict[int, AppRoutes], seen: Proxy) -> Iterator[Op]:
    for slot, app in slots.items():
        here = seen.servers.get(slot, {})
        for server in app.servers:
            found = here.get(server.key)
            if found is None and not server.draining:
                yield AddServer(slot, server.key, server.ip, server.port)
                yield SetPower(slot, server.key, "ready")
            elif found is not None:
                yield from _mend(slot, server, found)


def _mend(slot: int, server: Server, found: Backend) -> Iterator[Op]:
    if (found.ip, found.port) != (server.ip, server.port):
        yield SetAddress(slot, server.key, server.ip, server.port)
    if found.power != "ready" and not server.draining:
        yield SetPower(slot, server.key, "ready")


def _set_states(slots: dict[int, AppRoutes], seen: Proxy) -> Iterator[Op]:
    for slot, app in slots.items():
        if slot in seen.owners and seen.owners[slot] != (app.app_id, app.state):
            yield SetOwner(slot, app.app_id, app.state)


def _set_hosts(wanted: RouteTable, placed: dict[str, int], seen: Proxy) -> Iterator[Op]:
    owners = wanted.owners()
    for host, app_id in owners.items():
        if seen.hosts.get(host) != placed[app_id]:
            yield SetHost(host, placed[app_id])
    yield from (DelHost(host) for host in seen.hosts if host not in owners)


def _drain(slots: dict[int, AppRoutes], seen: Proxy) -> Iterator[Op]:
    for slot, app in slots.items():
        here = seen.servers.get(slot, {})
        for server in app.servers:
            if server.draining and server.key in here and here[server.key].power == "ready":
                yield SetPower(slot, server.key, "drain")


def _remove(slots: dict[int, AppRoutes], seen: Proxy) -> Iterator[Op]:
    for slot in sorted(seen.servers):
        keep = {server.key for server in slots[slot].servers} if slot in slots else set()
        gone = [(key, server) for key, server in seen.servers[slot].items() if key not in keep]
        yield from (SetPower(slot, key, "maint") for key, server in gone if server.power != "maint")
        yield from (DelServer(slot, key) for key, _ in gone)
