"""Nouns that this platform has none of yet: lists are empty, the rest is not found. The CLI asks in passing."""

from __future__ import annotations

from typing import Any

from haibun.api.call import Call, Handler
from haibun.core.errors import NotFound


def nothing(_call: Call) -> list[dict[str, Any]]:
    """An empty list of what belongs to nobody in particular."""
    return []


def nothing_of_app(call: Call) -> list[dict[str, Any]]:
    """An empty list of an app that the caller may see."""
    with call.control.store.read() as conn:
        call.app(conn)
    return []


def missing(noun: str) -> Handler:
    """404 for one of these."""

    def handler(_call: Call) -> None:
        raise NotFound(noun)

    return handler


def missing_of_app(noun: str) -> Handler:
    """404 for one of these, of an app that the caller may see."""

    def handler(call: Call) -> None:
        with call.control.store.read() as conn:
            call.app(conn)
        raise NotFound(noun)

    return handler
