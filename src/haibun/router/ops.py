"""What HAProxy holds, and the small operations that change it, as values.

`Proxy` is the model that the planner reads and that every operation can be applied to; it never speaks to a
real HAProxy (admin.py does). A slot is one backend of the pool, `s<number>` inside HAProxy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Power = Literal["ready", "drain", "maint"]


@dataclass(frozen=True)
class Backend:
    """A server of a slot. `power`: ready takes requests, drain finishes those it has, maint has none."""

    ip: str
    port: int
    power: Power


@dataclass
class Proxy:
    """slots: how many there are. hosts: host -> slot. owners: slot -> (app id, state). servers: slot -> key.

    `ready`: it was filled once, so that an unknown host is a stranger and no longer just early.
    """

    slots: int = 0
    hosts: dict[str, int] = field(default_factory=dict)
    owners: dict[int, tuple[str, str]] = field(default_factory=dict)
    servers: dict[int, dict[str, Backend]] = field(default_factory=dict)
    ready: bool = False

    def copy(self) -> Proxy:
        """An independent copy."""
        servers = {slot: dict(found) for slot, found in self.servers.items()}
        return Proxy(self.slots, dict(self.hosts), dict(self.owners), servers, self.ready)


@dataclass(frozen=True)
class Grow:
    """Have this many slots; a hitless reload."""

    slots: int


@dataclass(frozen=True)
class SetOwner:
    """The slot belongs to the app, and requests for it get what `state` says."""

    slot: int
    app_id: str
    state: str


@dataclass(frozen=True)
class FreeSlot:
    """Nobody owns the slot any more. Only when it has no servers."""

    slot: int


@dataclass(frozen=True)
class SetHost:
    """Requests for the host go to the slot."""

    host: str
    slot: int


@dataclass(frozen=True)
class DelHost:
    """Nobody answers for the host."""

    host: str


@dataclass(frozen=True)
class AddServer:
    """A new server, in maint until SetPower says ready."""

    slot: int
    key: str
    ip: str
    port: int


@dataclass(frozen=True)
class SetAddress:
    """Where the server is."""

    slot: int
    key: str
    ip: str
    port: int


@dataclass(frozen=True)
class SetPower:
    """Whether the server takes requests."""

    slot: int
    key: str
    power: Power


@dataclass(frozen=True)
class DelServer:
    """Forget the server, which is in maint. HAProxy may refuse while a connection is left."""

    slot: int
    key: str


@dataclass(frozen=True)
class SetReady:
    """Every app is in; unknown hosts may be told so."""


Op = Grow | SetOwner | FreeSlot | SetHost | DelHost | AddServer | SetAddress | SetPower | DelServer | SetReady


def apply(proxy: Proxy, op: Op) -> None:
    """Change the model as HAProxy would change."""
    match op:
        case Grow(slots):
            proxy.slots = slots
        case SetOwner(slot, app_id, state):
            proxy.owners[slot] = (app_id, state)
        case FreeSlot(slot):
            proxy.owners.pop(slot, None)
        case SetHost(host, slot):
            proxy.hosts[host] = slot
        case DelHost(host):
            proxy.hosts.pop(host, None)
        case AddServer(slot, key, ip, port):
            proxy.servers.setdefault(slot, {})[key] = Backend(ip, port, "maint")
        case SetAddress(slot, key, ip, port):
            proxy.servers[slot][key] = Backend(ip, port, proxy.servers[slot][key].power)
        case SetPower(slot, key, power):
            server = proxy.servers[slot][key]
            proxy.servers[slot][key] = Backend(server.ip, server.port, power)
        case SetReady():
            proxy.ready = True
        case DelServer(slot, key):
            del proxy.servers[slot][key]
            if not proxy.servers[slot]:
                del proxy.servers[slot]
