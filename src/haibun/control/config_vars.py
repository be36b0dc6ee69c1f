"""Config vars: set and unset many at once, as one release."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import update

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.control.releases import append_release, newest_slug_id
from haibun.core.errors import Refused
from haibun.core.names import CONFIG_LIMIT_BYTES, check_config_key
from haibun.store.tables import apps


def read(control: Control, actor: Actor, identity: str) -> dict[str, str]:
    """The app's config vars of now."""
    with control.store.read() as conn:
        return control.open_config(app_for(conn, actor, identity, "secrets").config)


def change(control: Control, actor: Actor, identity: str, changes: Mapping[str, str | None]) -> dict[str, str]:
    """Merge the changes (None removes) and return the whole map. Nothing new makes no release."""
    for key, value in changes.items():
        if value is not None:
            check_config_key(key)
            if "\0" in value:
                raise Refused(f"The value of {key} has a NUL byte, which no process can have in its environment.")
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "change_secrets")
        old = control.open_config(app.config)
        new = {**old, **{key: value for key, value in changes.items() if value is not None}}
        gone = [key for key, value in changes.items() if value is None and key in old]
        for key in gone:
            del new[key]
        if new == old:
            return old
        if sum(len(key.encode()) + len(value.encode()) for key, value in new.items()) > CONFIG_LIMIT_BYTES:
            raise Refused("Config vars may hold 64 KB in all, names and values together. Make them shorter.")
        tx.conn.execute(update(apps).where(apps.c.id == app.id).values(config=control.seal_config(new)))
        set_keys = [key for key in changes if changes[key] is not None and old.get(key) != changes[key]]
        description = " and ".join(
            f"{verb} {', '.join(keys)} config vars" for verb, keys in (("Set", set_keys), ("Remove", gone)) if keys
        )
        slug_id = newest_slug_id(tx, app)
        append_release(control, tx, actor, app, description=description, slug_id=slug_id, config=new)
        control.say_api(tx, app.id, f"{description} by user {actor.email}")
    return new
