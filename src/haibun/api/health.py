"""Whether the platform answers."""

from __future__ import annotations

from sqlalchemy import text

from haibun.api.call import Call


def check(call: Call) -> dict[str, str]:
    """200 if the store answers; 503 comes by itself if it does not."""
    with call.control.store.read() as conn:
        conn.execute(text("SELECT 1"))
    return {"status": "ok"}
