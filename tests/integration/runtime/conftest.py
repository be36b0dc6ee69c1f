"""A real machine for dynos, and the check that nothing of it is left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))  # so that tests.contracts can be imported from here

from tests.contracts.machines import OciMachine, gone, make_tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("stack"))


@pytest.fixture
def machine(tmp_path: Path, tree: Path) -> Iterator[OciMachine]:
    made = OciMachine(tmp_path, tree)
    try:
        yield made
    finally:
        made.close()
    assert not any(gone(made.config).values())
