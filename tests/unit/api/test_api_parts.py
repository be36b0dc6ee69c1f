"""The tree of routes, buckets of requests, and messages about bodies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from haibun.api import bodies
from haibun.api.access import Access
from haibun.api.call import Route
from haibun.api.rates import Buckets
from haibun.api.tree import Tree
from haibun.core.errors import NotFound, Refused


def route(method: str, path: str) -> Route:
    return Route(method, path, Access.VIEW, lambda _call: None)


TREE = Tree(
    route(*each.split())
    for each in (
        "GET /apps",
        "GET /apps/{app}",
        "DELETE /apps/{app}",
        "GET /apps/{app}/log-drains/{drain}",
        "GET /users/{user}",
        "GET /users/{user}/apps",
        "GET /users/~/pipeline-couplings",
    )
)


@pytest.mark.parametrize(
    ("method", "path", "found", "params"),
    [
        ("GET", "/apps", "/apps", {}),
        ("DELETE", "/apps/x", "/apps/{app}", {"app": "x"}),
        ("GET", "/apps/x/log-drains/https%3A%2F%2Fa%3Ab%40c%2F", "/apps/{app}/log-drains/{drain}", None),
        ("GET", "/users/~", "/users/{user}", {"user": "~"}),
        ("GET", "/users/~/apps", "/users/{user}/apps", {"user": "~"}),
        ("GET", "/users/~/pipeline-couplings", "/users/~/pipeline-couplings", {}),
    ],
)
def test_paths_lead_to_routes(method: str, path: str, found: str, params: dict[str, str] | None) -> None:
    led, got = TREE.find(method, path)
    assert (led.method, led.path) == (method, found)
    assert got == (params if params is not None else {"app": "x", "drain": "https://a:b@c/"})


@pytest.mark.parametrize(
    "asked",
    [
        "POST /apps",
        "GET /apps/",
        "GET //apps",
        "GET /apps/x/",
        "GET /apps/x/y",
        "GET /",
        "GET /{}",
        "GET apps/x/y",
    ],
)
def test_other_paths_lead_nowhere(asked: str) -> None:
    with pytest.raises(Refused) as refused:
        TREE.find(*asked.split())
    assert refused.value.status == 404


def test_a_parameter_that_is_no_text_is_not_found() -> None:
    with pytest.raises(NotFound):
        TREE.find("GET", "/apps/a%0Ab")


def test_two_routes_for_one_call_are_an_error() -> None:
    with pytest.raises(ValueError, match="two routes"):
        Tree([route("GET", "/apps/{app}"), route("GET", "/apps/{other}")])


class FakeClock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


def test_a_bucket_empties_and_fills() -> None:
    clock = FakeClock()
    buckets = Buckets(clock, 3, 0.5)
    assert [buckets.take("a", "no") for _ in range(3)] == [2, 1, 0]
    for refuse in (buckets.take, buckets.check):
        with pytest.raises(Refused) as refused:
            refuse("a", "no")
        assert (refused.value.status, refused.value.id) == (429, "rate_limit")
    assert buckets.take("b", "no") == 2
    clock.seconds = 2.0
    assert buckets.take("a", "no") == 0
    clock.seconds = 1000.0
    assert buckets.left("a") == 3


class Inner(msgspec.Struct):
    number: int


class Body(msgspec.Struct):
    name: str
    inner: list[Inner] = []


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"{}", "name is required."),
        (b'{"name": 1}', "name: Expected str, got int."),
        (b'{"name": "x", "inner": [{}]}', "inner[0].number is required."),
        (b'{"name": "x", "inner": [{"number": "1"}]}', "inner[0].number: Expected int, got str."),
        (b"[]", "The body: Expected object, got array."),
        (b'{"name": "a\\u0000"}', "A text in the body has a NUL character. Take it out."),
    ],
)
def test_messages_name_the_field(raw: bytes, says: str) -> None:
    with pytest.raises(Refused) as refused:
        bodies.decode(raw, "application/json", Body)
    assert (refused.value.status, refused.value.message) == (422, says)


def test_a_good_body() -> None:
    body: Any = bodies.decode(b'{"name": "x", "more": 1}', "application/vnd.heroku+json; version=3", Body)
    assert body == Body("x")
