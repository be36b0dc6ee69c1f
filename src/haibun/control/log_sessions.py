"""Log sessions: a secret URL that says what may be read, and until when to start."""

from __future__ import annotations

from typing import Any

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for

START_WITHIN_SECONDS = 360


def create(
    control: Control,
    actor: Actor,
    identity: str,
    *,
    lines: int = 100,
    tail: bool = False,
    source: str | None = None,
    dyno: str | None = None,
) -> str:
    """The sealed token of a session; logplex opens it."""
    with control.store.read() as conn:
        app = app_for(conn, actor, identity, "view")
    session: dict[str, Any] = {
        "app": app.id,
        "lines": max(0, min(lines, 1500)),
        "tail": tail,
        "source": source,
        "dyno": dyno,
        "exp": int(control.clock.now().timestamp()) + START_WITHIN_SECONDS,
    }
    return control.sealer.seal(session)
