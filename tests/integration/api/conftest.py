"""Worlds for tests of the API: the database is made once and copied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from api_caller import Caller
from api_world import World, build_template, open_copy


@pytest.fixture(scope="session")
def new_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], World]:
    """Make a fresh world, as often as one likes; close() it when done."""
    template = tmp_path_factory.mktemp("api-template")
    people = build_template(template)

    def make() -> World:
        return open_copy(template, tmp_path_factory.mktemp("api-world", numbered=True), people)

    return make


@pytest.fixture
def world(new_world: Callable[[], World]) -> Iterator[World]:
    world = new_world()
    yield world
    world.close()


@pytest.fixture
def owner(world: World) -> Caller:
    return world.as_("owner")
