"""Config vars: of an app, and as a release had them."""

from __future__ import annotations

from haibun.api.call import Call
from haibun.control import config_vars as verbs
from haibun.core.errors import NotFound
from haibun.store import releases as release_rows

Update = dict[str, str | None]


def info(call: Call) -> dict[str, str]:
    return verbs.read(call.control, call.actor, call.params["app"])


def update(call: Call) -> dict[str, str]:
    """Merge; null unsets. The whole map comes back."""
    return verbs.change(call.control, call.actor, call.params["app"], call.body)


def of_release(call: Call) -> dict[str, str]:
    with call.control.store.read() as conn:
        row = release_rows.find(conn, call.app(conn).id, call.params["release"])
    if row is None:
        raise NotFound("release")
    return call.control.open_config(row.config)
