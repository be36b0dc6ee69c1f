"""Releases: the append-only ledger of slug + config vars; making, finishing and rolling back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.core.dyno import DEFAULT_SIZE
from haibun.core.errors import NotFound, Refused
from haibun.kit.ids import new_id
from haibun.store import releases as release_rows
from haibun.store.engine import Tx
from haibun.store.tables import apps, formation, one_offs, releases, slugs


def append_release(
    control: Control,
    tx: Tx,
    actor: Actor,
    app: Row[Any],
    *,
    description: str,
    slug_id: str | None,
    config: dict[str, str] | None = None,
) -> Row[Any]:
    """Add the next release to the app's ledger. config None: the app's own of now.

    With a `release` process type the release is pending until its command has succeeded; else it is
    current at once and the dynos room is told.
    """
    now = control.clock.now()
    version = release_rows.newest_version(tx.conn, app.id) + 1
    sealed = app.config if config is None else control.seal_config(config)
    slug = release_rows.slug(tx.conn, slug_id)
    phase = slug if slug is not None and "release" in slug.process_types else None
    release_id = new_id()
    tx.conn.execute(
        insert(releases).values(
            id=release_id,
            app_id=app.id,
            version=version,
            description=description,
            status="pending" if phase is not None else "succeeded",
            user_id=actor.user_id,
            slug_id=slug_id,
            config=sealed,
            dyno_id=None,
            created_at=now,
            updated_at=now,
        )
    )
    if version > 1:
        control.say_api(tx, app.id, f"Release v{version} created by user {actor.email}")
    row = tx.conn.execute(release_rows.with_user.where(releases.c.id == release_id)).one()
    if phase is not None:
        _start_phase(control, tx, row, phase)
    else:
        _make_current(control, tx, row, slug)
    return row


def finish_phase(control: Control, release_id: str, *, succeeded: bool) -> None:
    """The release phase's command has ended; a failed one leaves the old release as it was."""
    with control.store.write() as tx:
        end_phase(control, tx, release_id, succeeded=succeeded)


def end_phase(control: Control, tx: Tx, release_id: str, *, succeeded: bool) -> None:
    """finish_phase() in a transaction of the caller's. A release that has ended already stays as it is."""
    row = release_rows.by_id(tx.conn, release_id)
    if row is None or row.status != "pending":
        return
    status = "succeeded" if succeeded else "failed"
    tx.conn.execute(
        update(releases).where(releases.c.id == row.id).values(status=status, updated_at=control.clock.now())
    )
    # Phases of two releases may end in any order: the current release only ever gets newer.
    if succeeded and row.version > release_rows.current_version(tx.conn, row.app_id):
        _make_current(control, tx, row, release_rows.slug(tx.conn, row.slug_id))


def rollback(control: Control, actor: Actor, identity: str, release: str) -> Row[Any]:
    """A new release with an old one's slug and config vars (Heroku: `Rollback to v3`)."""
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        old = release_rows.find(tx.conn, app.id, release)
        if old is None:
            raise NotFound("release")
        if old.slug_id is None or old.status != "succeeded":
            raise Refused(
                f"Cannot roll back to v{old.version}: "
                + ("it has no code." if old.slug_id is None else f"it is {old.status}.")
                + " Choose a release that has run; `releases` lists them."
            )
        config = control.open_config(old.config)
        tx.conn.execute(update(apps).where(apps.c.id == app.id).values(config=old.config))
        description = f"Rollback to v{old.version}"
        row = append_release(control, tx, actor, app, description=description, slug_id=old.slug_id, config=config)
        control.say_api(tx, app.id, f"{description} by user {actor.email}")
    return row


def deploy_slug(control: Control, actor: Actor, identity: str, slug_id: str, description: str | None) -> Row[Any]:
    """Release a slug that exists."""
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        slug = release_rows.slug(tx.conn, slug_id)
        if slug is None or slug.app_id != app.id or slug.size is None:
            raise NotFound("slug")
        text = description or f"Deploy {(slug.commit or slug.id)[:8]}"
        return append_release(control, tx, actor, app, description=text, slug_id=slug_id)


def newest_slug_id(tx: Tx, app: Row[Any]) -> str | None:
    """The slug that the next release starts from: that of the newest one that has not failed. One whose release
    phase still runs counts, or a config var set meanwhile would take the new code back."""
    query = select(releases.c.slug_id).where(releases.c.app_id == app.id, releases.c.status != "failed")
    return tx.conn.execute(query.order_by(releases.c.version.desc()).limit(1)).scalar()


def _start_phase(control: Control, tx: Tx, row: Row[Any], slug: Row[Any]) -> None:
    dyno_id = new_id()
    tx.conn.execute(
        insert(one_offs).values(
            id=dyno_id,
            app_id=row.app_id,
            name=f"release.{1000 + row.version % 9000}",
            type="release",
            kind="release",
            command=slug.process_types["release"],
            size=DEFAULT_SIZE,
            env=control.seal_config({}),
            release_id=row.id,
            attach=False,
            tty=False,
            time_to_live=3600,
            created_at=control.clock.now(),
        )
    )
    tx.conn.execute(update(releases).where(releases.c.id == row.id).values(dyno_id=dyno_id))
    control.say_api(tx, row.app_id, f"Running release v{row.version} commands by user {row.user_email}")
    tx.hint("dynos", row.app_id)


def _make_current(control: Control, tx: Tx, row: Row[Any], slug: Row[Any] | None) -> None:
    now = control.clock.now()
    values: dict[str, Any] = {"release_id": row.id, "updated_at": now}
    if slug is not None:
        values |= {
            "released_at": now,
            "stack": slug.stack,
            "slug_size": slug.size,
            "buildpack_provided_description": slug.buildpack_provided_description,
        }
        _fit_formation(control, tx, row, slug)
    tx.conn.execute(update(apps).where(apps.c.id == row.app_id).values(**values))
    for room in ("dynos", "router"):
        tx.hint(room, row.app_id)


def _fit_formation(control: Control, tx: Tx, row: Row[Any], slug: Row[Any]) -> None:
    """First deploy: web at 1, others at 0; later: new types at 0, types that are gone leave."""
    now = control.clock.now()
    mine = formation.c.app_id == row.app_id
    have = set(tx.conn.execute(select(formation.c.type).where(mine)).scalars())
    types = [name for name in slug.process_types if name != "release"]
    for name in types:
        if name in have:
            continue
        quantity = 1 if name == "web" else 0
        tx.conn.execute(
            insert(formation).values(
                app_id=row.app_id,
                type=name,
                id=new_id(),
                quantity=quantity,
                size=DEFAULT_SIZE,
                created_at=now,
                updated_at=now,
            )
        )
        if quantity:
            text = f"Scaled to {name}@{quantity}:{DEFAULT_SIZE} by user {row.user_email}"
            control.say_api(tx, row.app_id, text)
    tx.conn.execute(delete(formation).where(mine, formation.c.type.not_in(types)))


def add_slug(control: Control, tx: Tx, app: Row[Any], values: dict[str, Any]) -> str:
    """Write the row of a slug whose bytes exist; returns its id."""
    now = control.clock.now()
    tx.conn.execute(insert(slugs).values(app_id=app.id, created_at=now, updated_at=now, **values))
    slug_id: str = values["id"]
    return slug_id
