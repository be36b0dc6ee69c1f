"""Real parts that contracts are held against."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.contracts.postgres import Missing, server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """`postgresql…/{name}…` of a server of our own. In CI it must be there."""
    try:
        with server() as url:
            yield url
    except Missing as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
