"""The ASGI application of the web role: the Platform API, and beside it the routes that other rooms bring."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp

from haibun.api.dispatch import Dispatcher
from haibun.api.routes import ROUTES
from haibun.control.context import Control
from haibun.core.layout import Layout


def make_app(control: Control, layout: Layout, extra_routes: Sequence[BaseRoute] = ()) -> ASGIApp:
    """`extra_routes` come first (git); everything else is the API's, which answers in JSON whatever it is."""
    return Router(routes=extra_routes, redirect_slashes=False, default=Dispatcher(control, layout, ROUTES))
