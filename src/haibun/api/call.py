"""One call of the API as a handler sees it, and the row of the routes' table that led to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row
from starlette.requests import Request

from haibun.api.access import Access
from haibun.api.ranges import Range
from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.layout import Layout

Handler = Callable[["Call"], Any]


@dataclass(frozen=True)
class Route:
    """Method, path, what the caller must be allowed, who answers. There is no route without an access level.

    `path`: segments in braces are parameters. `body`: the msgspec type of the JSON body, None takes none.
    `ranges`: of a list, the fields that it can be cut by; the first is the default. Empty: not a list.
    """

    method: str
    path: str
    access: Access
    handler: Handler
    body: Any = None
    status: int = 200
    ranges: tuple[str, ...] = ()


@dataclass
class Call:
    """A request on its way to a handler, authenticated, its body typed."""

    control: Control
    layout: Layout
    route: Route
    request: Request
    params: dict[str, str]
    request_id: str
    actor: Actor
    body: Any = None
    range: Range = field(default_factory=Range)

    def app(self, conn: Connection) -> Row[Any]:
        """The app of the path, if the caller may do with it what the route's access level says."""
        return app_for(conn, self.actor, self.params["app"], self.route.access.value)

    @property
    def rate_remaining(self) -> int:
        """How many requests the account has left for now."""
        return int(self.request.state.rate_remaining)

    def asks(self, name: str) -> bool:
        """Whether the query says `name=true`."""
        return self.request.query_params.get(name) == "true"
