"""One migrated store for all simulations, and worlds made of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.simulation.world import World, template


@pytest.fixture(scope="session")
def new_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], World]:
    folder = tmp_path_factory.mktemp("worlds")
    empty, numbers = template(folder), itertools.count()

    def make() -> World:
        world = World(folder / str(next(numbers)), empty)
        world.found()
        return world

    return make
