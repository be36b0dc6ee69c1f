"""The planner's table, state by state, and what may not get into it."""

from __future__ import annotations

import pytest

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
    apply,
)
from haibun.router.plan import plan
from haibun.router.table import AppRoutes, RouteTable, Server

WEB = Server("web.1", "d1", "10.0.0.1", 5000)
NEW = Server("web.1", "d2", "10.0.0.2", 5000)
OLD = Server("web.1", "d1", "10.0.0.1", 5000, draining=True)


def app(*servers: Server, state: str = "serving", hosts: tuple[str, ...] = ("a.test",)) -> AppRoutes:
    return AppRoutes("a", "a", hosts, state, servers)  # type: ignore[arg-type]


def serving() -> Proxy:
    return Proxy(
        2, {"a.test": 0}, {0: ("a", "serving")}, {0: {"web.1:d1": Backend("10.0.0.1", 5000, "ready")}}, True
    )


CASES: dict[str, tuple[tuple[AppRoutes, ...], Proxy, list[Op]]] = {
    "nothing to do": ((app(WEB),), serving(), []),
    "first fill": ((), Proxy(2), [SetReady()]),
    "a new app": (
        (app(WEB),),
        Proxy(2, ready=True),
        [SetOwner(0, "a", "serving"), AddServer(0, "web.1:d1", "10.0.0.1", 5000), SetPower(0, "web.1:d1", "ready"),
         SetHost("a.test", 0)],
    ),
    "a deploy": (
        (app(OLD, NEW),),
        serving(),
        [AddServer(0, "web.1:d2", "10.0.0.2", 5000), SetPower(0, "web.1:d2", "ready"),
         SetPower(0, "web.1:d1", "drain")],
    ),
    "the only dyno restarts": (
        (app(OLD, state="starting"),),
        serving(),
        [SetOwner(0, "a", "starting"), SetPower(0, "web.1:d1", "drain")],
    ),
    "a dyno is gone": (
        (app(state="no_web"),),
        serving(),
        [SetOwner(0, "a", "no_web"), SetPower(0, "web.1:d1", "maint"), DelServer(0, "web.1:d1")],
    ),
    "the app is gone": (
        (),
        serving(),
        [DelHost("a.test"), SetPower(0, "web.1:d1", "maint"), DelServer(0, "web.1:d1"), FreeSlot(0)],
    ),
    "it listens elsewhere": (
        (app(Server("web.1", "d1", "10.0.0.9", 5001)),),
        serving(),
        [SetAddress(0, "web.1:d1", "10.0.0.9", 5001)],
    ),
    "too few slots": (
        (app(state="blank", hosts=()),),
        Proxy(2, owners={0: ("x", "blank"), 1: ("y", "blank")}, ready=True),
        [Grow(4), SetOwner(2, "a", "blank"), FreeSlot(0), FreeSlot(1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_plan(case: str) -> None:
    apps, seen, expected = CASES[case]
    assert plan(RouteTable(apps), seen) == expected


def test_a_slot_that_rests_is_not_given_away() -> None:
    table = RouteTable((app(state="blank"),))
    assert plan(table, Proxy(2, ready=True), resting={0})[0] == SetOwner(1, "a", "blank")
    assert plan(table, Proxy(2, ready=True), resting={0, 1})[0] == Grow(4)


def test_two_apps_claim_one_host() -> None:
    table = RouteTable((app(), AppRoutes("b", "b", ("a.test",), "blank")))
    proxy = Proxy(2)
    for op in plan(table, proxy):
        apply(proxy, op)
    assert proxy.owners[proxy.hosts["a.test"]] == ("a", "serving")


@pytest.mark.parametrize("host", ["", "A.test", "a b", "a;b", "a\nb", "*", "a.*", "-a", "a..", "x" * 300, "[::1]"])
def test_hosts_that_are_none(host: str) -> None:
    with pytest.raises(ValueError, match="cannot be a host"):
        app(hosts=(host,))


@pytest.mark.parametrize(
    "bad",
    [("web.1\n", "d", "1.1.1.1"), ("web.1", "d; x", "1.1.1.1"), ("web.1", "d", "evil"), ("", "d", "1.1.1.1")],
)
def test_servers_that_are_none(bad: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="in the routing table"):
        Server(*bad, 5000)
