"""Range headers: what they mean in memory is what they mean in SQL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, String, Table, create_engine, insert, select

from haibun.api import ranges
from haibun.api.ranges import Range
from haibun.core.errors import Refused
from haibun.store.paging import within

FIELDS = ("id", "name")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, Range()),
        ("", Range()),
        ("id ..", Range("id")),
        ("id ..; max=1000;", Range("id", limit=1000)),
        ("id ..; max=5000", Range("id", limit=1000)),
        ("id ..; max=0", Range("id", limit=1)),
        ("id ..; order=desc,max=1", Range("id", descending=True, limit=1)),
        ("id ..; max=15, order=desc", Range("id", descending=True, limit=15)),
        ("name ]a..c; order=asc", Range("name", "]a", "c")),
        ("name a..b[; max=x", Range("name", "a", "b[")),
        ("bytes=0-5", Range()),
    ],
)
def test_headers(header: str | None, expected: Range) -> None:
    assert ranges.parse(header, FIELDS) == expected


@pytest.mark.parametrize("header", ["version ..", "id", "id 1", "..", "undefined"])
def test_what_is_no_range(header: str) -> None:
    with pytest.raises(Refused) as refused:
        ranges.parse(header, FIELDS)
    assert refused.value.status == 416


words = st.text("abc", min_size=1, max_size=2)
bounds = st.one_of(st.just(""), words)
asked_ranges = st.builds(
    lambda first, after, last, before, descending, limit: Range(
        "id",
        ("]" + first if after and first else first),
        (last + "[" if before and last else last),
        descending,
        limit,
    ),
    bounds,
    st.booleans(),
    bounds,
    st.booleans(),
    st.booleans(),
    st.integers(1, 4),
)


@given(st.sets(words, max_size=8), asked_ranges)
def test_memory_and_sql_cut_alike(names: set[str], asked: Range) -> None:
    table = Table("t", MetaData(), Column("id", String))
    engine = create_engine("sqlite://")
    with engine.begin() as conn:
        table.create(conn)
        if names:
            conn.execute(insert(table), [{"id": name} for name in names])
        found = list(conn.execute(within(select(table.c.id), table.c.id, ranges.span_of(asked))).scalars())
    engine.dispose()
    page = ranges.cut([{"id": name} for name in names], asked, FIELDS)
    assert [item["id"] for item in page.items] == found[: asked.limit]
    assert page.more is (len(found) > asked.limit)


@given(st.sets(words, max_size=9), st.integers(1, 4), st.booleans())
def test_following_next_range_gives_everything_once(names: set[str], limit: int, descending: bool) -> None:
    items = [{"id": name} for name in names]
    asked: str | None = f"id ..; max={limit}" + (", order=desc" if descending else "")
    seen: list[str] = []
    while asked:
        range_ = ranges.parse(asked, FIELDS)
        page = ranges.cut(items, range_, FIELDS)
        status, headers = ranges.headers_of(page, range_, FIELDS)
        seen += [item["id"] for item in page.items]
        asked = headers.get("Next-Range")
        assert (status == 206) is (asked is not None)
    assert seen == sorted(names, reverse=descending)
