"""From rows to the spec of a dyno: its command line, environment and limits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from haibun.control.context import Control
from haibun.core.dyno import BUILD_MEMORY_MB, size_named
from haibun.core.errors import Final
from haibun.runtime.driver import DynoSpec, Limits
from haibun.store import dynos as dyno_rows
from haibun.store import releases as release_rows
from haibun.store.tables import apps, builds

PATH = "/usr/local/bin:/usr/bin:/bin"
UIDS_FROM = 1_000_000
UIDS_PER_APP = 65_536
BUILD_COMMAND = ("/usr/bin/python3", "-I", "/haibun/build")

# Sourced in this order, as Heroku does; a script that fails does not stop the boot. The user's command
# is an argument of its own and never part of this text.
BOOT = """\
for script in /etc/profile.d/*.sh /app/.profile.d/*.sh /app/.profile; do
  [ -r "$script" ] && . "$script"
done
unset script
exec /bin/bash -c "$1"
"""


def port_of(dyno_id: str) -> int:
    """A port that an app cannot guess, so that a hard-coded one is noticed here and not at Heroku."""
    return 3_000 + int(dyno_id[:8], 16) % 57_000


def argv(command: str) -> tuple[str, ...]:
    """The command line that boots a dyno with a user's command."""
    return ("/bin/bash", "-c", BOOT, "boot", command)


def build(control: Control, conn: Connection, row: Row[Any]) -> DynoSpec:
    """The spec of an attempt's row. Final if what it needs is gone."""
    app = conn.execute(select(apps).where(apps.c.id == row.app_id)).one()
    one_off = dyno_rows.one_off(conn, row.id) if row.kind != "formation" else None
    if row.kind == "build":
        return _build_dyno(control, conn, app, row, one_off)
    release = release_rows.by_id(conn, row.release_id)
    if release is None or release.slug_id is None:
        raise Final("R99", "the release has no slug")
    slug = release_rows.slug(conn, release.slug_id)
    size = size_named(row.size)
    extra = control.open_config(one_off.env) if one_off is not None else {}
    attach = one_off is not None and one_off.attach
    env = {"PATH": PATH, "LANG": "C.UTF-8", **control.open_config(release.config), **extra}
    env |= {"HOME": "/app", "PWD": "/app", "DYNO": row.name, "DYNO_RAM": str(size.memory_mb)}
    if row.port is not None:
        env["PORT"] = str(row.port)
    if attach:
        env.setdefault("PS1", r"\[\033[01;34m\]\w\[\033[00m\] \[\033[01;32m\]$ \[\033[00m\]")
    return DynoSpec(
        id=row.id,
        app_id=row.app_id,
        name=row.name,
        kind="run",
        stack=slug.stack if slug is not None else app.stack,
        uid_base=uid_base(app),
        argv=argv(row.command),
        env=env,
        limits=Limits(size.memory_mb, size.cpu_shares, size.processes),
        slug_id=release.slug_id,
        port=row.port,
        tty=one_off is not None and one_off.tty,
        stdin=attach,
        rows=_number(extra.get("LINES"), 24),
        cols=_number(extra.get("COLUMNS"), 80),
    )


def uid_base(app: Row[Any]) -> int:
    """Host uid of the root of the app's user namespaces."""
    return UIDS_FROM + UIDS_PER_APP * int(app.uid_index)


def _build_dyno(
    control: Control, conn: Connection, app: Row[Any], row: Row[Any], one_off: Row[Any] | None
) -> DynoSpec:
    if one_off is None:
        raise Final("R99", "the build is not wanted any more")
    source = conn.execute(select(builds.c.source_id, builds.c.stack).where(builds.c.id == one_off.build_id)).one()
    env = control.open_config(one_off.env)
    size = size_named("Performance-M")
    return DynoSpec(
        id=row.id,
        app_id=row.app_id,
        name=row.name,
        kind="build",
        stack=source.stack,
        uid_base=uid_base(app),
        argv=BUILD_COMMAND,
        env={"PATH": PATH, "HOME": "/app", "LANG": "C.UTF-8", **env},
        limits=Limits(BUILD_MEMORY_MB, size.cpu_shares, 2048),
        source_id=source.source_id,
        cache_id=row.app_id,
        build_dir=env["BUILD_DIR"],
        env_dir=control.open_config(app.config),
    )


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and 0 < int(text) < 10_000 else default
