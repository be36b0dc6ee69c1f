"""docs/compat/platform-api.toml says of every link of the published schema how far it is; this keeps it true."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_schema import links, schema

from haibun.api.routes import ROUTES

HERE = Path(__file__).parent
LEDGER = Path(__file__).parents[3] / "docs" / "compat" / "platform-api.toml"
ENTRY = re.compile(r"(?P<state>done|partial): (?P<file>\w+)::(?P<test>\w+)(?: \((?P<missing>.+)\))?")
STUB = "todo: answers"


def entries() -> Iterator[tuple[str, str]]:
    """(call, what is said of it)."""
    for resource, calls in tomllib.loads(LEDGER.read_text()).items():
        if resource != "haibun":
            yield from calls.items()


def routes() -> set[str]:
    return {f"{route.method} " + re.sub(r"\{[^}]*\}", "{}", route.path) for route in ROUTES}


def test_it_lists_the_schema_and_nothing_else() -> None:
    if schema() is None:
        assert os.environ.get("CI") != "true", "CI needs HAIBUN_SPEC_DIR: the folder of Heroku's published schema"
        pytest.skip("HAIBUN_SPEC_DIR is not set: the ledger was not held against Heroku's schema")
    assert {f"{method} {path}" for method, path, _ in links()} == {call for call, _ in entries()}


def test_every_entry_is_one_of_four_and_names_a_test_that_exists() -> None:
    for call, said in entries():
        if said in ("todo", "refused") or said.startswith(STUB):
            continue
        entry = ENTRY.fullmatch(said)
        assert entry, (call, said)
        assert (entry["state"] == "partial") is (entry["missing"] is not None), (call, said)
        source = (HERE / f"test_api_{entry['file']}.py").read_text()
        assert f"def {entry['test']}(" in source, (call, said)


def test_what_is_done_has_a_route_and_every_route_is_told_of() -> None:
    answered = {call for call, said in entries() if said.startswith(("done", "partial", STUB))}
    own = set(tomllib.loads(LEDGER.read_text())["haibun"]["our own"])
    assert answered | own == routes()
    assert not answered & own
