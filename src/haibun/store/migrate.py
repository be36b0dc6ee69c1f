"""Brings a database to the newest schema, with Alembic."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from haibun.store.engine import Store

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(store: Store) -> None:
    """Apply the migrations that the database lacks. Safe to call at every start."""
    if _version(store) == _newest():
        return
    # Late: Alembic takes as long to import as all else of a start, and is rarely needed.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.engine.connect() as conn:
        config.attributes["connection"] = conn.execution_options(haibun_write=True)
        command.upgrade(config, "head")


def _version(store: Store) -> str | None:
    """The revision of the database, None if it has no schema yet."""
    try:
        with store.read() as conn:
            return conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DatabaseError:
        return None


def _newest() -> str:
    """Files of revisions are named `<revision>_<what it does>.py`, revisions are numbers of four digits."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
