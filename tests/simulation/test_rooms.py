"""The rooms of dynos and builds together: deploys, crashes, restarts of ours, an absent runtime, lost machines."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from haibun.blobs import sources, streams
from haibun.control import apps, config_vars, dynos, formation
from haibun.control import builds as build_verbs
from haibun.core.errors import Refused
from haibun.runtime.fake import Behaviour
from haibun.store.tables import builds
from tests.simulation.world import World

Make = Callable[[], World]


def test_a_first_deploy_and_its_stream(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        async with world.running():
            build_id = await world.deploy()
            await world.until(lambda: world.at_rest({"web": 1, "worker": 0}))
        text = streams.path(world.layout, build_id).read_text()
        lines = "".join(f"line {number} of {build_id}\n" for number in range(3))
        assert text.startswith(lines + "-----> Compressing...\n       Done: 0.0M\n-----> Launching...\n")
        assert text.endswith("Released v3\n       http://shop.a.example/ deployed to Haibun\n")

    asyncio.run(story())


def test_what_only_a_build_needed_goes_with_it(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        async with world.running():
            build_id = world.push()
            with world.store.read() as conn:
                source_id = conn.execute(select(builds.c.source_id).where(builds.c.id == build_id)).scalar()
            source = sources.path(world.layout, source_id)
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(b"tar")
            await world.until(lambda: streams.status(world.layout, build_id) == "succeeded")
            await world.until(lambda: not source.exists())
            assert not list(world.layout.output.glob("*/build.*.log"))

    asyncio.run(story())


def test_an_absent_runtime_at_the_start_is_no_lost_machine(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        async with world.running():
            await world.deploy()
            await world.until(lambda: world.at_rest({"web": 1}))
            before = [row.id for row in world.rows()]
            await world.down()
            world.machine.away = True
            world.up()
            await asyncio.sleep(0.3)
            world.machine.away = False
            await world.until(lambda: world.at_rest({"web": 1}))
            assert [row.id for row in world.rows()] == before

    asyncio.run(story())


def test_what_crashes_is_tried_again_after_its_wait(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        world.machine.behaviours["serve"] = Behaviour(1, after_seconds=0.01)
        async with world.running():
            await world.deploy()
            # At once for the first time, then after 5 seconds, then 20.
            await world.until(lambda: [(r.phase, r.crashes) for r in world.rows()] == [("crashed", 2)])
            started = len(world.machine.starts)
            await asyncio.sleep(0.2)
            assert len(world.machine.starts) == started
            world.clock.skew = timedelta(seconds=6)
            world.dynos.hint(world.app.id)
            await world.until(lambda: [(r.phase, r.crashes) for r in world.rows()] == [("crashed", 3)])
            world.machine.behaviours.clear()
            world.clock.skew = timedelta(seconds=30)
            world.dynos.hint(world.app.id)
            await world.until(lambda: world.at_rest({"web": 1}))

    asyncio.run(story())


def test_a_dyno_that_boots_is_not_waited_for_when_it_is_not_wanted_any_more(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        world.accepts = lambda _ip, _port: asyncio.sleep(3600)
        async with world.running():
            await world.deploy()
            await world.until(lambda: [row.phase for row in world.rows()] == ["starting"])
            formation.change(world.control, world.actor, "shop", [formation.Change("web", "0")])
            await world.until(lambda: world.at_rest({}), seconds=3)

    asyncio.run(story())


def test_an_end_that_no_change_told_of_ends_the_wait_for_a_port(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        world.accepts = lambda _ip, _port: asyncio.sleep(3600)
        async with world.running():
            await world.deploy()
            await world.until(lambda: [row.phase for row in world.rows()] == ["starting"])
            (dyno,) = world.machine.running().values()
            dyno.seen = dataclasses.replace(dyno.seen, state="exited", exit_code=3)
            await world.dynos.machine.refresh()
            await world.until(lambda: "web.1]: Process exited with status 3" in world.said(), seconds=2)

    asyncio.run(story())


def test_a_build_runs_once_although_its_wish_is_read_on(new_world: Make) -> None:
    """Between the end of a build's dyno and the builds room's verdict the wish still stands."""

    async def story() -> None:
        world = new_world()
        async with world.running():
            build_id = world.push()
            await world.until(lambda: any(row.kind == "build" for row in world.rows()))
            builds_room = world._rooms[1]
            builds_room.cancel()  # it will not give its verdict
            await asyncio.wait({builds_room})
            await world.until(lambda: [row.phase for row in world.rows(live=False)] == ["gone"])
            for _ in range(5):
                world.dynos.hint(world.app.id)
                await asyncio.sleep(0.02)
            assert set(world.machine.starts.values()) == {1}
            world._rooms.pop(1)
            await world.down()
            world.up()
            await world.until(lambda: streams.status(world.layout, build_id) == "succeeded")

    asyncio.run(story())


def test_a_build_goes_on_after_our_restart_without_loss_or_repetition(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        world.machine.build_lines = 60
        async with world.running():
            build_id = world.push()
            for _ in range(4):
                await asyncio.sleep(0.06)
                await world.down()
                await asyncio.sleep(0.03)  # the build speaks on while nobody listens
                world.up()
            await world.until(lambda: streams.status(world.layout, build_id) == "succeeded")
        text = streams.path(world.layout, build_id).read_text()
        lines = "".join(f"line {number} of {build_id}\n" for number in range(60))
        assert text.startswith(lines + "-----> Compressing...\n       Done")
        assert text.count("Released v3") == 1

    asyncio.run(story())


def test_a_build_whose_dyno_never_began_in_time_fails_and_frees_the_app(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        async with world.running():
            await asyncio.sleep(0.05)
            await world.down()
            world.machine.away = True
            world.up()
            build_id = world.push()
            await asyncio.sleep(0.1)
            world.clock.skew = timedelta(minutes=16)
            world.machine.away = False
            await world.until(lambda: streams.status(world.layout, build_id) == "failed")
            world.clock.skew = timedelta()
            await world.deploy()

    asyncio.run(story())


def test_a_cancelled_build(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        world.machine.build_lines = 100_000
        async with world.running():
            build_id = world.push()
            await world.until(lambda: bool(world.machine.running()))
            build_verbs.cancel(world.control, build_id)
            await world.until(lambda: streams.status(world.layout, build_id) == "cancelled")
            await world.until(lambda: world.at_rest({}))

    asyncio.run(story())


def test_a_release_phase_that_fails_keeps_the_old_release(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        async with world.running():
            await world.deploy()
            await world.until(lambda: world.at_rest({"web": 1}))
            before = [row.id for row in world.rows()]
            world.machine.process_types["release"] = "migrate"
            world.machine.behaviours["migrate"] = Behaviour(7, after_seconds=0.01)
            await world.deploy()
            await world.until(lambda: world.release_statuses()[4] == "failed")
            await world.until(lambda: world.at_rest({"web": 1}))
            assert [row.id for row in world.rows()] == before
            assert "Process exited with status 7" in world.said()

    asyncio.run(story())


def test_a_release_phase_whose_end_we_slept_through(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        world.machine.process_types["release"] = "migrate"
        async with world.running():
            await world.deploy()
            await world.until(lambda: any(r.kind == "release" and r.phase == "up" for r in world.rows()))
            (release,) = [row for row in world.rows() if row.kind == "release"]
            await world.down()
            world.machine.end(release.id, 0)
            world.up()
            await world.until(lambda: world.release_statuses()[3] == "succeeded")
            await world.until(lambda: world.at_rest({"web": 1}))

    asyncio.run(story())


def test_an_attached_run_whose_client_is_gone_does_not_stay(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        async with world.running():
            await world.deploy()
            await world.until(lambda: world.at_rest({"web": 1}))
            row, _ = dynos.run(world.control, world.actor, "shop", dynos.OneOff("bash", attach=True))
            world.dynos.clients.enter(row.id)
            world.dynos.hint(world.app.id)
            await world.until(lambda: any(r.kind == "run" and r.phase == "up" for r in world.rows()))
            await world.down()  # and with us goes the client's connection
            world.up()
            await world.until(lambda: world.at_rest({"web": 1}))

    asyncio.run(story())


def test_a_destroyed_app_leaves_nothing(new_world: Make) -> None:
    async def story() -> None:
        world = new_world()
        async with world.running():
            await world.deploy()
            await world.until(lambda: world.at_rest({"web": 1}))
            world.push()
            apps.destroy(world.control, world.actor, "shop")
            await world.until(lambda: not world.rows(live=False))
            await world.until(lambda: not world.machine.machine)

    asyncio.run(story())


STEPS = st.one_of(
    st.tuples(st.sampled_from(["push", "config", "restart", "our-restart", "runtime-away", "run"]), st.none()),
    st.tuples(st.just("scale"), st.integers(1, 3)),
    st.tuples(st.just("crash"), st.integers(0, 5)),
    st.tuples(st.just("sleep"), st.integers(0, 40)),
    st.tuples(st.just("reboot"), st.none()),
)
_slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Schedule:
    """Does the steps of a schedule to a world; knows what must be so in the end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.web = 1
        self._config = 0

    async def step(self, name: str, value: int | None) -> None:
        world = self.world
        if name == "push":
            await asyncio.to_thread(self._push)
        elif name == "config":
            self._config += 1
            change = {"N": str(self._config)}
            await asyncio.to_thread(config_vars.change, world.control, world.actor, "shop", change)
        elif name == "restart":
            await asyncio.to_thread(dynos.restart, world.control, world.actor, "shop")
        elif name == "our-restart":
            await world.down()
            world.up()
        elif name == "runtime-away":
            world.machine.away = not world.machine.away
        elif name == "run":
            asked = dynos.OneOff("date")
            await asyncio.to_thread(dynos.run, world.control, world.actor, "shop", asked)
        elif name == "scale" and value is not None:
            self.web = value
            changes = [formation.Change("web", str(value))]
            await asyncio.to_thread(formation.change, world.control, world.actor, "shop", changes)
        elif name == "crash" and value is not None:
            self._crash(value)
        elif name == "sleep" and value is not None:
            await asyncio.sleep(value / 1000)
        elif name == "reboot":
            world.machine.reboot()

    def _push(self) -> None:
        with contextlib.suppress(Refused):  # one is under way
            self.world.push()

    def _crash(self, value: int) -> None:
        web = [id for id, dyno in self.world.machine.running().items() if dyno.spec.name.startswith("web.")]
        if web:
            self.world.machine.end(web[value % len(web)], 1)


async def play(world: World, steps: list[tuple[str, int | None]]) -> None:
    """The steps, then quiet; it all comes to rest, and nothing was started twice."""
    world.machine.behaviours["date"] = Behaviour(0, after_seconds=0.01)
    async with world.running():
        await world.deploy()
        schedule = Schedule(world)
        await world.until(lambda: world.at_rest({"web": 1}))
        floor: list[int] = []
        if not {"scale", "crash", "reboot"} & {name for name, _ in steps}:
            world.after_commit = lambda: floor.append(world.serving())
        for name, value in steps:
            await schedule.step(name, value)
        world.machine.away = False
        world.clock.skew = timedelta(minutes=11)  # longer than any back-off, shorter than a build may take
        world.dynos.hint(world.app.id)
        await world.until(lambda: world.at_rest({"web": schedule.web}), seconds=30)
        assert set(world.machine.starts.values()) == {1}
        assert min(floor, default=1) >= 1, "fewer dynos served than were wanted"
        assert "pending" not in world.release_statuses().values()


@_slow
@given(st.lists(STEPS, max_size=8))
def test_whatever_happens_it_comes_to_rest(new_world: Make, steps: list[tuple[str, int | None]]) -> None:
    asyncio.run(play(new_world(), steps))


@_slow
@given(st.lists(STEPS.filter(lambda step: step[0] not in ("scale", "crash", "reboot")), max_size=8))
def test_deploys_and_our_own_deaths_never_take_the_service_down(
    new_world: Make, steps: list[tuple[str, int | None]]
) -> None:
    asyncio.run(play(new_world(), steps))
