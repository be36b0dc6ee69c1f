"""Who asks, and for which app: Basic authentication with an API token, then the gate.

Owns the reading of credentials. Never decides what an actor may do: control's gate does.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Any

from sqlalchemy import Row
from starlette.datastructures import Headers
from starlette.types import Scope

from haibun.control import authorizations
from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.errors import NotFound, Unauthorized
from haibun.core.names import APP_NAME

SIGN_IN = "Sign in with any user name and an API token as the password."


async def enter(control: Control, scope: Scope, need: str) -> tuple[Actor, Row[Any]]:
    """The actor and the app, if the actor may do to it what is needed (view, operate). Refused otherwise."""
    token = password(Headers(scope=scope).get("authorization", ""))
    name = scope["path_params"]["app"]

    def check() -> tuple[Actor, Row[Any]]:
        actor = authorizations.authenticate(control, token)
        if not APP_NAME.fullmatch(name):
            raise NotFound("app")
        with control.store.read() as conn:
            return actor, app_for(conn, actor, name, need)

    return await asyncio.to_thread(check)


def password(authorization: str) -> str:
    """The password of a Basic Authorization header. Unauthorized if there is none."""
    scheme, _, value = authorization.partition(" ")
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Unauthorized(SIGN_IN) from None
    _, _, token = pair.partition(":")
    if scheme.lower() != "basic" or not token:
        raise Unauthorized(SIGN_IN)
    return token
