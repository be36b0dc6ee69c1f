"""Pages of lists: the Range, Next-Range and Content-Range headers of the Platform API.

`version ..; max=15, order=desc`, `]<id>..; max=200`, `id a..b`. The next page's header is handed out ready made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from haibun.core.errors import Refused
from haibun.store.paging import Span

DEFAULT_PAGE, LARGEST_PAGE = 200, 1000
RANGE = re.compile(r"(?P<field>[a-z_]+)\s+(?P<first>[^;]*?)\.\.(?P<last>[^;]*?)\s*(?:;(?P<options>.*))?")


@dataclass(frozen=True)
class Range:
    """What a Range header asks. field None: the list's own order from its start."""

    field: str | None = None
    first: str = ""
    last: str = ""
    descending: bool = False
    limit: int = DEFAULT_PAGE


@dataclass(frozen=True)
class Page:
    """A cut of a list: the items and whether more follow. `field`: what it is cut by."""

    items: list[dict[str, Any]]
    more: bool
    field: str


def parse(header: str | None, fields: Sequence[str]) -> Range:
    """The Range of a header; Refused (416) if it is not one or names a field that the list cannot be cut by."""
    text = (header or "").strip()
    if not text or text.startswith("bytes"):
        return Range()
    match = RANGE.fullmatch(text)
    if match is None or match["field"] not in fields:
        raise Refused(
            f"Range {text[:100]!r} cannot be met: use `<field> <first>..<last>; max=<n>, order=<asc|desc>`, "
            f"where field is one of {', '.join(fields)}.",
            id="requested_range_not_satisfiable",
            status=416,
        )
    options = dict(part.strip().split("=", 1) for part in re.split("[,;]", match["options"] or "") if "=" in part)
    limit = options.get("max", "").strip()
    return Range(
        match["field"],
        match["first"].strip(),
        match["last"].strip(),
        options.get("order", "").strip() == "desc",
        max(1, min(int(limit), LARGEST_PAGE)) if limit.isascii() and limit.isdigit() else DEFAULT_PAGE,
    )


def span_of(range: Range, convert: Callable[[str], Any] = str) -> Span:
    """The SQL side of a range, its bounds as the column's type."""
    first, last = range.first.removeprefix("]"), range.last.removesuffix("[")
    try:
        return Span(
            convert(first) if first else None,
            convert(last) if last else None,
            range.first.startswith("]"),
            range.last.endswith("["),
            range.descending,
            range.limit,
        )
    except ValueError:
        raise Refused(
            f"Range bounds of {range.field} are numbers.", id="requested_range_not_satisfiable", status=416
        ) from None


def number(text: str) -> int:
    """A bound of a version range, within what a database can compare."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(text)
    return int(text)


def cut(items: list[dict[str, Any]], range: Range, fields: Sequence[str]) -> Page:
    """Cut a list in memory; one that fits on a page keeps its own order if no field is asked for."""
    field = range.field or fields[0]
    if range.field is not None or len(items) > range.limit:
        span = span_of(range)
        inside = [item for item in items if _inside(str(item[field]), span)]
        items = sorted(inside, key=lambda item: str(item[field]), reverse=span.descending)
    return Page(items[: range.limit], len(items) > range.limit, field)


def headers_of(page: Page, range: Range, fields: Sequence[str]) -> tuple[int, dict[str, str]]:
    """(status, headers): 206 while more follow, 200 on the last page (the CLI loops for as long as it is 206)."""
    headers = {"Accept-Ranges": ", ".join(fields)}
    if not page.items:
        return 200, headers
    first, last = page.items[0].get(page.field), page.items[-1].get(page.field)
    headers["Content-Range"] = f"{page.field} {first}..{last}"
    if not page.more:
        return 200, headers
    order = ", order=desc" if range.descending else ""
    headers["Next-Range"] = f"{page.field} ]{last}..{range.last}; max={range.limit}{order}"
    return 206, headers


def _inside(value: str, span: Span) -> bool:
    low, high = (span.last, span.first) if span.descending else (span.first, span.last)
    low_open, high_open = span.after_first, span.before_last
    if span.descending:
        low_open, high_open = high_open, low_open
    if low is not None and (value < low or (low_open and value == low)):
        return False
    return high is None or not (value > high or (high_open and value == high))
