"""The rules of branches: an example table, and that nothing odd is parsed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haibun.core.errors import Refused
from haibun.git.refs import RefUpdate, parse, plan

ZERO, A, B = "0" * 40, "a" * 40, "b" * 40
MAIN, MASTER, OTHER, TAG = "refs/heads/main", "refs/heads/master", "refs/heads/other", "refs/tags/v1"


def update(name: str, new: str = B, old: str = A) -> RefUpdate:
    return RefUpdate(old, new, name)


@pytest.mark.parametrize(
    ("updates", "built", "note"),
    [
        ([update(MAIN)], MAIN, None),
        ([update(MASTER)], MASTER, None),
        ([update(MASTER), update(MAIN)], MAIN, "Both main and master were pushed; main is built."),
        ([update(MASTER, ZERO), update(MAIN)], MAIN, None),
        ([update(MASTER, ZERO)], None, None),
        ([update(OTHER)], None, "Pushed to non-main branch, skipping build."),
        ([update(OTHER), update(MAIN)], MAIN, None),
        ([update(OTHER, ZERO)], None, None),
        ([update(TAG)], None, "No branch was pushed, skipping build."),
        ([update(TAG), update(MAIN)], MAIN, None),
        ([update("refs/heads/feature/main")], None, "Pushed to non-main branch, skipping build."),
        ([update("refs/tags/main")], None, "No branch was pushed, skipping build."),
    ],
)
def test_what_is_built_and_said(updates, built, note):
    found = plan(updates)
    assert (found.build.name if found.build else None) == built
    assert (found.notes[0] if found.notes else None) == note


def test_deleting_main_refuses_the_whole_push():
    with pytest.raises(Refused, match="main branch cannot be deleted"):
        plan([update(OTHER), update(MAIN, ZERO)])


def test_how_to_deploy_a_branch_names_it():
    assert "git push haibun other:main" in plan([update(OTHER)]).notes[1]


def test_lines_are_parsed():
    assert parse([f"{ZERO} {A} {MAIN}".encode()]) == [RefUpdate(ZERO, A, MAIN)]
    assert parse([f"{'c' * 64} {'d' * 64} refs/heads/ä".encode()])[0].name == "refs/heads/ä"


@pytest.mark.parametrize(
    "line", ["", "x", f"{A} {B}", *(f"{A} {B} {name}" for name in ("main", "refs/a b", "refs/\x1b[1m"))]
)
def test_other_lines_are_refused(line):
    with pytest.raises(Refused):
        parse([line.encode()])


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(line):
    try:
        (found,) = parse([line])
    except Refused:
        return
    assert found.name.startswith("refs/")
    plan([found])
