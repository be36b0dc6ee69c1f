"""Who answers for which host, as the platform wants it. Owns these values; does no I/O and knows no HAProxy.

A host is lower case without a port, or a wildcard `*.example.com`. Names are checked here, so that nothing
that was not made for it ever reaches HAProxy's command socket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

State = Literal["serving", "no_web", "crashed", "blank", "maintenance", "starting"]
STATES: tuple[State, ...] = ("serving", "no_web", "crashed", "blank", "maintenance", "starting")

HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
ADDRESS = re.compile(r"[0-9.]{7,15}|[0-9a-fA-F:]{2,39}")


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise ValueError(f"{value[:80]!r} cannot be {what} in the routing table.")


@dataclass(frozen=True)
class Server:
    """A dyno that listens. `draining`: it gets no new requests, those it has may finish."""

    name: str
    dyno_id: str
    ip: str
    port: int
    draining: bool = False

    def __post_init__(self) -> None:
        _check(WORD, self.name, "a dyno's name")
        _check(WORD, self.dyno_id, "a dyno's id")
        _check(ADDRESS, self.ip, "a dyno's address")

    @property
    def key(self) -> str:
        """Its name inside HAProxy. Two attempts at one slot exist during a deploy, so the id is part of it."""
        return f"{self.name}:{self.dyno_id}"


def dyno_id_of(key: str) -> str:
    """The dyno's id out of a server's name inside HAProxy; '' if it is none of ours."""
    return key.partition(":")[2]


@dataclass(frozen=True)
class AppRoutes:
    """One app: its hosts, what a request gets, and the dynos that answer when `state` is serving.

    `starting` holds requests until the state changes (75 s at most); the others get a page.
    """

    app_id: str
    name: str
    hosts: tuple[str, ...]
    state: State
    servers: tuple[Server, ...] = ()

    def __post_init__(self) -> None:
        _check(WORD, self.app_id, "an app's id")
        if self.state not in STATES:
            raise ValueError(f"{self.state!r} is not a state of an app's routes.")
        for host in self.hosts:
            _check(HOST, host, "a host")


@dataclass(frozen=True)
class RouteTable:
    """The whole table. A host that two apps claim belongs to the first."""

    apps: tuple[AppRoutes, ...] = ()

    def owners(self) -> dict[str, str]:
        """Host -> app id."""
        owners: dict[str, str] = {}
        for app in self.apps:
            for host in app.hosts:
                owners.setdefault(host, app.app_id)
        return owners

    def without(self, hosts: frozenset[str]) -> RouteTable:
        """The same table, but no app answers for any of `hosts`: they are the platform's own."""
        if all(hosts.isdisjoint(app.hosts) for app in self.apps):
            return self
        kept = (replace(app, hosts=tuple(host for host in app.hosts if host not in hosts)) for app in self.apps)
        return RouteTable(tuple(kept))
