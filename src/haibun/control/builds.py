"""Builds: ask for one, start its dyno, cancel it, finish it as a slug and a release."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert, select, update

from haibun.control.context import Actor, Control
from haibun.control.gate import app_for
from haibun.control.releases import add_slug, append_release
from haibun.core.dyno import DEFAULT_SIZE
from haibun.core.errors import NotFound, Refused
from haibun.kit.ids import new_id
from haibun.store import apps as app_rows
from haibun.store.tables import apps, buildpacks, builds, one_offs, users

BUILD_LIMIT_SECONDS = 15 * 60


def create(
    control: Control, actor: Actor, identity: str, *, source_id: str, source_version: str | None
) -> Row[Any]:
    """Ask for a build of a source that is in the blobs. Refused while another build of the app runs."""
    now = control.clock.now()
    with control.store.write() as tx:
        app = app_for(tx.conn, actor, identity, "operate")
        busy = select(builds, users.c.email).join(users, users.c.id == builds.c.user_id)
        other = tx.conn.execute(busy.where(builds.c.app_id == app.id, builds.c.status == "pending")).first()
        if other is not None:
            raise Refused(
                f"Another build of {app.name} is under way, started by {other.email} at "
                f"{other.created_at:%H:%M:%S} UTC. Wait until it is done, then push again.",
                id="conflict",
                status=409,
            )
        packs = select(buildpacks.c.url).where(buildpacks.c.app_id == app.id).order_by(buildpacks.c.ordinal)
        build_id = new_id()
        tx.conn.execute(
            insert(builds).values(
                id=build_id,
                app_id=app.id,
                user_id=actor.user_id,
                source_id=source_id,
                source_version=source_version,
                stack=app.build_stack,
                buildpacks=list(tx.conn.execute(packs).scalars()),
                status="pending",
                created_at=now,
                updated_at=now,
            )
        )
        control.say_api(tx, app.id, f"Build started by user {actor.email}")
        tx.hint("builds", app.id)
        return tx.conn.execute(select(builds).where(builds.c.id == build_id)).one()


def start_dyno(control: Control, build_id: str, *, command: str, env: dict[str, str]) -> str:
    """Ask for the build's dyno, once; returns its id."""
    with control.store.write() as tx:
        build = tx.conn.execute(select(builds).where(builds.c.id == build_id)).one()
        if build.dyno_id is not None:
            return str(build.dyno_id)
        dyno_id = new_id()
        tx.conn.execute(
            insert(one_offs).values(
                id=dyno_id,
                app_id=build.app_id,
                name=f"build.{1000 + int(build.id[:8], 16) % 9000}",
                type="build",
                kind="build",
                command=command,
                size=DEFAULT_SIZE,
                env=control.seal_config(env),
                build_id=build.id,
                attach=False,
                tty=False,
                time_to_live=BUILD_LIMIT_SECONDS,
                created_at=control.clock.now(),
            )
        )
        tx.conn.execute(update(builds).where(builds.c.id == build_id).values(dyno_id=dyno_id))
        tx.hint("dynos", build.app_id)
    return dyno_id


def cancel(control: Control, build_id: str) -> None:
    """Ask that the build end. It is finished as failed when its dyno is gone."""
    now = control.clock.now()
    with control.store.write() as tx:
        row = tx.conn.execute(select(builds).where(builds.c.id == build_id)).first()
        if row is None or row.status != "pending":
            return
        tx.conn.execute(update(builds).where(builds.c.id == build_id).values(cancel_requested_at=now))
        if row.dyno_id is not None:
            tx.conn.execute(update(one_offs).where(one_offs.c.id == row.dyno_id).values(stop_requested_at=now))
        for room in ("builds", "dynos"):
            tx.hint(room, row.app_id)


def fail(control: Control, build_id: str, reason: str) -> None:
    """The build has ended without a slug; the old release is as it was."""
    with control.store.write() as tx:
        row = tx.conn.execute(select(builds).where(builds.c.id == build_id)).first()
        if row is None or row.status != "pending":
            return
        tx.conn.execute(
            update(builds)
            .where(builds.c.id == build_id)
            .values(status="failed", reason=reason, updated_at=control.clock.now())
        )
        tx.conn.execute(one_offs.delete().where(one_offs.c.build_id == build_id))
        control.say_api(tx, row.app_id, "Build failed -- check your build output")


def finish(control: Control, build_id: str, slug: dict[str, Any], packs: list[str]) -> Row[Any]:
    """One transaction: slug, release, first formation. Returns the release.

    `slug`: id, process_types, size, checksum, buildpack_provided_description. `packs` are pinned to the
    app if none were set (Heroku pins what it detected after the first good build).
    """
    now = control.clock.now()
    with control.store.write() as tx:
        build = tx.conn.execute(
            select(builds, users.c.email)
            .join(users, users.c.id == builds.c.user_id)
            .where(builds.c.id == build_id)
        ).one()
        app = tx.conn.execute(app_rows.live.where(apps.c.id == build.app_id)).first()
        if app is None:
            raise NotFound("app")
        actor = Actor(build.user_id, build.email)
        add_slug(control, tx, app, {**slug, "commit": build.source_version, "stack": build.stack})
        description = f"Deploy {(build.source_version or build.id)[:8]}"
        release = append_release(control, tx, actor, app, description=description, slug_id=slug["id"])
        control.say_api(tx, app.id, f"{description} by user {actor.email}")
        control.say_api(tx, app.id, "Build succeeded")
        tx.conn.execute(
            update(builds)
            .where(builds.c.id == build_id)
            .values(status="succeeded", slug_id=slug["id"], release_id=release.id, updated_at=now)
        )
        tx.conn.execute(one_offs.delete().where(one_offs.c.build_id == build_id))
        if not build.buildpacks:
            for ordinal, url in enumerate(packs):
                tx.conn.execute(insert(buildpacks).values(app_id=app.id, ordinal=ordinal, url=url))
        return release
