"""Worlds for tests of the API: the database is made once and copied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from api_caller import Caller
from api_world import World, build_template, open_copy


@pytest.fixture(scope="session")
def new_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], World]]:
    """Make a fresh world, as often as one likes."""
    template = tmp_path_factory.mktemp("api-template")
    people = build_template(template)
    count = 0
    with ExitStack() as stack:

        def make() -> World:
            nonlocal count
            count += 1
            folder: Path = tmp_path_factory.mktemp("api-world", numbered=True)
            world = open_copy(template, folder, people)
            stack.callback(world.close)
            return world

        yield make


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    return new_world()


@pytest.fixture
def owner(world: World) -> Caller:
    return world.as_("owner")
