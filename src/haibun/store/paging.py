"""A span of rows along one unique column: the SQL under the API's Range header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select


@dataclass(frozen=True)
class Span:
    """From `first` to `last` in the direction of travel, both inclusive unless said; None is open."""

    first: Any = None
    last: Any = None
    after_first: bool = False
    before_last: bool = False
    descending: bool = False
    limit: int = 200


def within(query: Select[Any], column: ColumnElement[Any], span: Span) -> Select[Any]:
    """The query cut to the span and in its order; one row more than the limit tells that there are more."""
    if span.first is not None:
        query = query.where(_bound(column, span.first, above=not span.descending, open_=span.after_first))
    if span.last is not None:
        query = query.where(_bound(column, span.last, above=span.descending, open_=span.before_last))
    return query.order_by(column.desc() if span.descending else column).limit(span.limit + 1)


def _bound(column: ColumnElement[Any], value: Any, *, above: bool, open_: bool) -> ColumnElement[bool]:
    bound: ColumnElement[bool]
    if above:
        bound = column > value if open_ else column >= value
    else:
        bound = column < value if open_ else column <= value
    return bound
