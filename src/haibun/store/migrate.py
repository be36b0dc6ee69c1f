"""Brings a database to the newest schema, with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from haibun.store.engine import Store


def upgrade(store: Store) -> None:
    """Apply the migrations that the database lacks. Safe to call at every start."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with store.engine.connect() as conn:
        config.attributes["connection"] = conn.execution_options(haibun_write=True)
        command.upgrade(config, "head")
