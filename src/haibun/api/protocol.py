"""What every answer of the API has: JSON, Request-Id, ETag, Cache-Control; and errors in Heroku's form."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.responses import Response

from haibun.core.errors import NotFound, Refused, Stale, Temporary, Unauthorized

log = logging.getLogger("haibun.api")
_encode = msgspec.json.Encoder().encode


def answer(status: int, value: Any, headers: Mapping[str, str], if_none_match: str | None = None) -> Response:
    """A JSON answer. 304 without a body if the client's ETag is still the same."""
    content = _encode(value)
    etag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    common = {"Cache-Control": "private, no-cache", "ETag": etag, "Vary": "Authorization, Accept, Range"}
    all_headers = {**common, **headers}
    if if_none_match is not None and _matches(if_none_match, etag):
        return Response(status_code=304, headers=all_headers)
    return Response(content, status, all_headers, media_type="application/json")


def error_of(error: Exception, request_id: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """(status, body, headers) of an exception; what nobody meant is logged and said without its details."""
    match error:
        case Unauthorized():
            return error.status, _body(error), {"WWW-Authenticate": "Bearer"}
        case NotFound():
            return error.status, {"resource": error.noun.partition(" (")[0].replace(" ", "_"), **_body(error)}, {}
        case Refused(status=429):
            return error.status, _body(error), {"Retry-After": "10"}
        case Refused():
            return error.status, _body(error), {}
        case Temporary() | Stale() | OperationalError() | PoolTimeout():
            log.warning("request %s: not now: %s", request_id, error)
            message = f"The platform is busy or its database does not answer. Try again. Request: {request_id}."
            return 503, {"id": "service_unavailable", "message": message}, {"Retry-After": "1"}
        case _:
            log.error("request %s failed", request_id, exc_info=error)
            message = f"Internal server error. The API's log tells more about request {request_id}."
            return 500, {"id": "internal_server_error", "message": message}, {}


def _body(error: Refused) -> dict[str, Any]:
    return {"id": error.id, "message": error.message}


def _matches(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in header.split(","))
