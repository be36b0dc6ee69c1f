"""Sources: an address to put a tar at, and to build from. The sealed address is the whole permission."""

from __future__ import annotations

from typing import Any

from starlette.responses import FileResponse, Response

from haibun.api.call import Call
from haibun.blobs import sources
from haibun.core.errors import NotFound, Refused
from haibun.kit.ids import new_id

GOOD_FOR_SECONDS = 3600
PREFIX = "/sources/"


def create(call: Call) -> dict[str, Any]:
    if "app" in call.params:
        with call.control.store.read() as conn:
            call.app(conn)
    until = int(call.control.clock.now().timestamp()) + GOOD_FOR_SECONDS
    token = call.control.sealer.seal({"source": new_id(), "exp": until})
    url = f"{call.control.platform.api_url}{PREFIX}{token}"
    return {"source_blob": {"get_url": url, "put_url": url}}


async def put(call: Call) -> Response:
    """The tar itself, plain or compressed, of at most 1 GB. Written whole or not at all, and only once."""
    source_id = opened(call, call.params["token"])
    if sources.path(call.layout, source_id).exists():
        raise Refused("This source is there already. Ask for a new one.", id="conflict", status=409)
    await sources.put(call.layout, source_id, call.request.stream())
    return Response(status_code=200)


async def get(call: Call) -> Response:
    path = sources.path(call.layout, opened(call, call.params["token"]))
    if not path.exists():
        raise NotFound("source")
    return FileResponse(path, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def opened(call: Call, token: str) -> str:
    """The source's id in a sealed token. NotFound if it is none of ours or has run out."""
    try:
        value = call.control.sealer.open(token)
    except ValueError:
        raise NotFound("source") from None
    if not isinstance(value, dict) or "source" not in value:
        raise NotFound("source")
    if value["exp"] < call.control.clock.now().timestamp():
        raise NotFound("source")
    return str(value["source"])


def id_of(call: Call, url: str) -> str:
    """The source's id in an address that create() gave. Refused if it is another's, or nothing is there yet."""
    prefix = f"{call.control.platform.api_url}{PREFIX}"
    if not url.startswith(prefix):
        raise Refused("source_blob.url: put the source at an address from POST /sources, and name that address.")
    try:
        source_id = opened(call, url.removeprefix(prefix))
    except NotFound:
        raise Refused("source_blob.url: the address has run out. Ask for a new one with POST /sources.") from None
    if not sources.path(call.layout, source_id).exists():
        raise Refused("source_blob.url: nothing was put there yet. PUT the tar first.")
    return source_id
