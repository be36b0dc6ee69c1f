"""The store's engine: SQLite by default, PostgreSQL by URL; transactions that send hints once they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event

Hints = Iterable[tuple[str, str]]


class Tx:
    """One open transaction. `conn` runs SQL; hint() remembers who should look once it is committed."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.hints: dict[tuple[str, str], None] = {}

    def hint(self, room: str, key: str) -> None:
        self.hints[room, key] = None


class Store:
    """A database of rows. read() sees one snapshot; write() is serial: one writer at a time."""

    def __init__(self, url: str, send_hints: Callable[[Hints], None] = lambda _: None) -> None:
        self.url = url
        self._send_hints = send_hints
        self._sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"connect_args": {"timeout": 20}} if self._sqlite else {"pool_pre_ping": True}
        self.engine = create_engine(url, **options)
        if self._sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose reads belong together."""
        with self.engine.connect() as conn:
            if not self._sqlite:
                # SQLite has it so by itself; PostgreSQL would see new commits with every statement.
                conn = conn.execution_options(isolation_level="REPEATABLE READ")
            with conn.begin():
                yield conn

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction that may write. Commits at the end, rolls back on an error; hints go out after."""
        with self.engine.connect() as conn:
            conn = conn.execution_options(haibun_write=True)
            with conn.begin():
                if not self._sqlite:
                    # One order of writers, as SQLite has it: verbs may then read and decide in peace.
                    conn.exec_driver_sql("SELECT pg_advisory_xact_lock(7264)")
                tx = Tx(conn)
                yield tx
        self._send_hints(tx.hints)

    def close(self) -> None:
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=20000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    # IMMEDIATE takes the write lock at the start, so that a read never has to be upgraded and fail.
    write = conn.get_execution_options().get("haibun_write")
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
