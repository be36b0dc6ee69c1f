"""Dynos: restart, stop, and one-off dynos."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update

from haibun.control.authorizations import hash_token
from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.control.releases import end_phase
from haibun.core.dyno import DEFAULT_SIZE, size_named
from haibun.core.errors import NotFound, Refused
from haibun.core.names import check_process_type
from haibun.kit.ids import is_id, new_id, new_token
from haibun.store import releases as release_rows
from haibun.store.engine import Tx
from haibun.store.log_events import say
from haibun.store.tables import dynos, formation, one_offs, restarts

ONE_OFFS_AT_ONCE = 50


@dataclass(frozen=True)
class OneOff:
    """What a user asks of a one-off dyno."""

    command: str
    attach: bool = False
    tty: bool = True
    env: dict[str, str] | None = None
    size: str | None = None
    type: str | None = None
    time_to_live: int | None = None


def restart(control: Control, actor: Actor, identity: str, target: str = "") -> None:
    """Restart all dynos (''), a type's (`web`) or one (`web.1` or its id)."""
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        name = _slot_name(tx, app.id, target)
        if "." in name and _stop_one_off(control, tx, app.id, name):
            return
        if name and not _known(tx, app.id, name):
            raise NotFound("dyno" if "." in name else "process type")
        key = {"app_id": app.id, "target": name}
        tx.conn.execute(restarts.delete().where(restarts.c.app_id == app.id, restarts.c.target == name))
        tx.conn.execute(insert(restarts).values(**key, requested_at=control.clock.now()))
        tx.hint("dynos", app.id)


def stop(control: Control, actor: Actor, identity: str, target: str) -> None:
    """Stop one-offs: one by name or id, or all of a type. A formation's dyno is started anew, as on Heroku."""
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        mine = (one_offs.c.app_id == app.id) & (one_offs.c.kind == "run")
        column = one_offs.c.id if is_id(target) else one_offs.c.name if "." in target else one_offs.c.type
        rows = list(tx.conn.execute(select(one_offs).where(mine, column == target)))
        for row in rows:
            _stop(control, tx, row)
    if not rows:
        restart(control, actor, identity, target)


def run(control: Control, actor: Actor, identity: str, asked: OneOff) -> tuple[Row[Any], str | None]:
    """Ask for a one-off dyno: (its wanted row, the secret for its rendezvous if it is attached)."""
    now = control.clock.now()
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        release = release_rows.by_id(tx.conn, app.release_id)
        if release is None or release.slug_id is None:
            raise Refused(
                f"{app.name} has no code to run yet. Deploy some first: git push haibun main.",
                id="no_release",
            )
        names = set(tx.conn.execute(select(one_offs.c.name).where(one_offs.c.app_id == app.id)).scalars())
        if len(names) >= ONE_OFFS_AT_ONCE:
            raise Refused(f"Cannot run more than {ONE_OFFS_AT_ONCE} one-off dynos of an app at once.")
        types = release_rows.process_types(tx.conn, release.id)
        dyno_id, secret = new_id(), new_token("") if asked.attach else None
        type_name = check_process_type(asked.type or "run")
        tx.conn.execute(
            insert(one_offs).values(
                id=dyno_id,
                app_id=app.id,
                name=_free_name(type_name, names),
                type=type_name,
                kind="run",
                command=_expand(asked.command, types),
                size=size_named(asked.size).name if asked.size else DEFAULT_SIZE,
                env=control.seal_config(asked.env or {}),
                release_id=release.id,
                attach=asked.attach,
                tty=asked.attach and asked.tty,
                secret_hash=hash_token(secret) if secret else None,
                time_to_live=asked.time_to_live,
                created_at=now,
            )
        )
        control.say_api(tx, app.id, f"Starting process with command `{asked.command}` by user {actor.email}")
        tx.hint("dynos", app.id)
        return tx.conn.execute(select(one_offs).where(one_offs.c.id == dyno_id)).one(), secret


def by_secret(control: Control, secret: str) -> Row[Any] | None:
    """The attached one-off that this rendezvous secret belongs to, if it was asked for lately."""
    oldest = control.clock.now() - timedelta(minutes=5)
    query = select(one_offs).where(one_offs.c.secret_hash == hash_token(secret), one_offs.c.created_at > oldest)
    with control.store.read() as conn:
        return conn.execute(query).first()


def forget_one_off(control: Control, dyno_id: str) -> None:
    """A one-off has ended: it is not wanted any more."""
    with control.store.write() as tx:
        tx.conn.execute(one_offs.delete().where(one_offs.c.id == dyno_id))


def abandon_one_off(control: Control, dyno_id: str, code: str | None) -> None:
    """A one-off is not to start any more. Code R13: its client never came. A release phase has so failed."""
    with control.store.write() as tx:
        row = tx.conn.execute(select(one_offs).where(one_offs.c.id == dyno_id)).first()
        if row is None:
            return
        if code == "R13":
            text = "Error R13 (Attach error) -> Failed to attach to process"
            say(tx, row.app_id, control.clock.now(), "heroku", row.name, text)
        if row.kind == "release" and row.release_id:
            end_phase(control, tx, row.release_id, succeeded=False)
        tx.conn.execute(one_offs.delete().where(one_offs.c.id == dyno_id))
        tx.hint("builds", row.app_id)


def request_stop(control: Control, dyno_id: str) -> None:
    """The platform itself wants a one-off to end (time limit, a client that never came)."""
    with control.store.write() as tx:
        row = tx.conn.execute(select(one_offs).where(one_offs.c.id == dyno_id)).first()
        if row is not None:
            _stop(control, tx, row)


def _stop_one_off(control: Control, tx: Tx, app_id: str, name: str) -> bool:
    query = select(one_offs).where(one_offs.c.app_id == app_id, one_offs.c.name == name)
    row = tx.conn.execute(query.where(one_offs.c.kind == "run")).first()
    if row is not None:
        _stop(control, tx, row)
    return row is not None


def _stop(control: Control, tx: Tx, row: Row[Any]) -> None:
    if row.stop_requested_at is None:
        now = control.clock.now()
        tx.conn.execute(update(one_offs).where(one_offs.c.id == row.id).values(stop_requested_at=now))
        tx.hint("dynos", row.app_id)


def _slot_name(tx: Tx, app_id: str, target: str) -> str:
    if not is_id(target):
        return target
    query = select(dynos.c.name).where(dynos.c.app_id == app_id, dynos.c.id == target)
    name: str | None = tx.conn.execute(query).scalar()
    if name is None:
        raise NotFound("dyno")
    return name


def _known(tx: Tx, app_id: str, name: str) -> bool:
    type_name, _, number = name.partition(".")
    query = select(formation.c.quantity).where(formation.c.app_id == app_id, formation.c.type == type_name)
    quantity = tx.conn.execute(query).scalar()
    if quantity is None:
        return False
    return not number or (number.isascii() and number.isdigit() and 1 <= int(number) <= quantity)


def _expand(command: str, types: dict[str, str]) -> str:
    """If the first word is a process type, its command stands for it (as on Heroku)."""
    first, space, rest = command.partition(" ")
    return types[first] + space + rest if first in types else command


def _free_name(type_name: str, taken: set[str]) -> str:
    while True:
        name = f"{type_name}.{secrets.randbelow(9000) + 1000}"
        if name not in taken:
            return name
