"""The planner against a model of HAProxy, from the states it leaves and from any other."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from haibun.router.ops import Backend, DelServer, FreeSlot, Op, Proxy, SetPower, apply
from haibun.router.plan import plan
from haibun.router.table import STATES, AppRoutes, RouteTable, Server

APPS = "abc"
HOSTS = ("h1.test", "h2.test", "*.h3.test")
NUMBERS = st.integers(0, 2)


@st.composite
def servers(draw: st.DrawFn, app: str) -> tuple[Server, ...]:
    found = draw(st.lists(st.tuples(NUMBERS, st.booleans(), NUMBERS), max_size=3, unique_by=lambda row: row[0]))
    return tuple(
        Server(f"web.{n % 2 + 1}", f"{app}{n}", f"10.0.0.{port}", 5000, drain) for n, drain, port in found
    )


@st.composite
def tables(draw: st.DrawFn) -> RouteTable:
    apps = draw(st.lists(st.sampled_from(APPS), unique=True))
    return RouteTable(
        tuple(
            AppRoutes(
                app, app, tuple(draw(st.lists(st.sampled_from(HOSTS), unique=True))),
                draw(st.sampled_from(STATES)), draw(servers(app)),
            )
            for app in apps
        )
    )  # fmt: skip


@st.composite
def any_proxy(draw: st.DrawFn) -> Proxy:
    """Whatever somebody may have done to it."""
    slots = st.integers(0, 3)
    backend = st.builds(Backend, st.just("10.0.0.0"), st.just(5000), st.sampled_from(["ready", "drain", "maint"]))
    keys = st.sampled_from([f"web.{n % 2 + 1}:{app}{n}" for app in APPS for n in range(3)] + ["stranger"])
    return Proxy(
        4,
        draw(st.dictionaries(st.sampled_from((*HOSTS, "x.test")), st.one_of(slots, st.just(-1)))),
        draw(st.dictionaries(slots, st.tuples(st.sampled_from((*APPS, "z")), st.sampled_from(STATES)))),
        draw(st.dictionaries(slots, st.dictionaries(keys, backend, min_size=1, max_size=3))),
        draw(st.booleans()),
    )


def steps(proxy: Proxy, ops: list[Op]) -> Iterator[Op]:
    for op in ops:
        if isinstance(op, DelServer):
            assert proxy.servers[op.slot][op.key].power == "maint"
        if isinstance(op, FreeSlot):
            assert op.slot not in proxy.servers
        apply(proxy, op)
        yield op


def settle(proxy: Proxy, table: RouteTable) -> None:
    for _ in steps(proxy, plan(table, proxy)):
        pass


def check_reached(proxy: Proxy, table: RouteTable) -> None:
    slots = {app_id: slot for slot, (app_id, _) in proxy.owners.items()}
    assert len(slots) == len(proxy.owners) == len(table.apps)
    assert proxy.hosts == {host: slots[app_id] for host, app_id in table.owners().items()}
    for app in table.apps:
        assert proxy.owners[slots[app.app_id]] == (app.app_id, app.state)
        here = proxy.servers.get(slots[app.app_id], {})
        assert here.keys() <= {server.key for server in app.servers}
        for server in app.servers:
            found = here.get(server.key)
            if not server.draining:
                assert found == Backend(server.ip, server.port, "ready")
            elif found:
                assert (found.ip, found.port) == (server.ip, server.port)
                assert found.power != "ready"
    assert set(proxy.servers) <= set(slots.values())


@given(any_proxy(), tables())
def test_it_mends_anything_and_then_rests(proxy: Proxy, table: RouteTable) -> None:
    settle(proxy, table)
    check_reached(proxy, table)
    assert plan(table, proxy) == []


@given(tables(), tables())
def test_no_request_ever_reaches_another_apps_server(before: RouteTable, after: RouteTable) -> None:
    proxy = Proxy(2)
    settle(proxy, before)
    for op in steps(proxy, plan(after, proxy)):
        for host, slot in proxy.hosts.items():
            owner = proxy.owners[slot][0]
            assert owner in (before.owners().get(host), after.owners().get(host)), op
            assert all(key.partition(":")[2][0] == owner for key in proxy.servers.get(slot, {})), op


@given(tables(), tables())
def test_an_app_that_should_be_served_keeps_a_ready_server(before: RouteTable, after: RouteTable) -> None:
    proxy = Proxy(2)
    settle(proxy, before)
    slots = {app_id: slot for slot, (app_id, _) in proxy.owners.items()}
    had = {app.app_id for app in before.apps if any(not server.draining for server in app.servers)}
    keep = {app.app_id for app in after.apps if any(not server.draining for server in app.servers)} & had
    for op in steps(proxy, plan(after, proxy)):
        for app_id in keep:
            assert any(server.power == "ready" for server in proxy.servers[slots[app_id]].values()), op


@given(any_proxy(), tables(), st.integers(0, 30))
def test_a_pass_that_broke_off_is_finished_by_the_next(proxy: Proxy, table: RouteTable, done: int) -> None:
    for op in plan(table, proxy)[:done]:
        apply(proxy, op)
    settle(proxy, table)
    check_reached(proxy, table)


@given(any_proxy(), tables())
def test_servers_of_two_apps_are_never_ready_in_one_slot_after_the_first_steps(
    proxy: Proxy, table: RouteTable
) -> None:
    """Even from a broken state, strangers are shut off before anything is added."""
    homes = {server.dyno_id: app.app_id for app in table.apps for server in app.servers}
    added = False
    for op in steps(proxy, plan(table, proxy)):
        added = added or (isinstance(op, SetPower) and op.power == "ready")
        if added:
            for slot, found in proxy.servers.items():
                ready = {
                    homes.get(key.partition(":")[2]) for key, server in found.items() if server.power != "maint"
                }
                assert len(ready - {None}) <= 1, (slot, op)
