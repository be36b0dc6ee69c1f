"""What the room writes about attempts: rows of `dynos` and the lines in the app's log that tell of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, update

from haibun.control.context import Control
from haibun.core.dyno import before
from haibun.dynos.model import Create
from haibun.dynos.spec import port_of
from haibun.kit.backoff import wait_seconds
from haibun.kit.ids import new_id
from haibun.runtime.driver import Sealed
from haibun.store import dynos as rows
from haibun.store.engine import Tx
from haibun.store.log_events import say
from haibun.store.tables import dynos

# Kinder than Heroku's 20 to 320 minutes: the machine is one's own.
CRASH_WAITS_SECONDS = (0.0, 5.0, 20.0, 60.0, 180.0, 600.0)
STEADY_AFTER = timedelta(minutes=2)
R12 = "Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM"
R15 = "Error R15 (Memory quota vastly exceeded)"


class Attempts:
    """Writes; every method is one transaction. Phases only grow: a late write about an attempt that has
    moved on changes nothing."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def create(self, app_id: str, release_id: str | None, wanted: Create) -> str:
        """A new attempt for a slot; returns its id."""
        dyno_id, now = new_id(), self._control.clock.now()
        with self._control.store.write() as tx:
            rows.add(
                tx,
                id=dyno_id,
                app_id=app_id,
                name=wanted.name,
                type=wanted.type.name,
                kind="formation",
                release_id=release_id,
                command=wanted.type.command,
                size=wanted.type.size,
                phase="created",
                serving=False,
                port=port_of(dyno_id) if wanted.type.name == "web" else None,
                crashes=wanted.crashes,
                created_at=now,
                updated_at=now,
            )
        return dyno_id

    def begin(self, one_off: Row[Any]) -> None:
        """The attempt of a one-off, with the one-off's own id."""
        now = self._control.clock.now()
        with self._control.store.write() as tx:
            rows.add(
                tx,
                id=one_off.id,
                app_id=one_off.app_id,
                name=one_off.name,
                type=one_off.type,
                kind=one_off.kind,
                release_id=one_off.release_id,
                command=one_off.command,
                size=one_off.size,
                phase="created",
                serving=False,
                crashes=0,
                created_at=now,
                updated_at=now,
            )

    def started(self, row: Row[Any], ip: str | None) -> None:
        with self._control.store.write() as tx:
            if self._move(tx, row, "starting", ip=ip):
                self._say(tx, row, f"Starting process with command `{row.command}`")

    def up(self, row: Row[Any]) -> None:
        """It is up. Whether it gets traffic is the planner's to say."""
        with self._control.store.write() as tx:
            if self._move(tx, row, "up", up_at=self._control.clock.now()):
                self._say(tx, row, "State changed from starting to up")
                tx.hint("router", row.app_id)

    def serve_and_retire(self, app_id: str, serve: list[str], retire: list[str]) -> None:
        """One transaction: these get traffic, those lose it. The switch of a deploy."""
        now = self._control.clock.now()
        with self._control.store.write() as tx:
            up = (dynos.c.app_id == app_id) & (dynos.c.phase == "up")
            tx.conn.execute(update(dynos).where(up, dynos.c.id.in_(serve)).values(serving=True, updated_at=now))
            tx.conn.execute(
                update(dynos)
                .where(up, dynos.c.id.in_(retire))
                .values(serving=False, phase="retiring", updated_at=now)
            )
            tx.hint("router", app_id)

    def stopping(self, row: Row[Any], why: str) -> None:
        with self._control.store.write() as tx:
            if not self._move(tx, row, "stopping", serving=False):
                return
            state = "starting" if row.phase in ("created", "starting") else "up"
            if why in ("down", "starting") and state != why:
                self._say(tx, row, f"State changed from {state} to {why}")
            self._say(tx, row, "Stopping all processes with SIGTERM")
            tx.hint("router", row.app_id)

    def stopped(self, row: Row[Any], exit_code: int | None, *, late: bool) -> None:
        """A wanted end. late: it did not end in its grace. A run or release phase is complete now, so that what
        follows from its end is done even if we die before."""
        with self._control.store.write() as tx:
            after = "complete" if row.kind in ("run", "release") else "gone"
            if not self._move(tx, row, after, exit_code=exit_code, serving=False):
                return
            if late:
                self._say(tx, row, R12)
                self._say(tx, row, "Stopping remaining processes with SIGKILL")
            self._say_exit(tx, row, exit_code)

    def crashed(self, row: Row[Any], exit_code: int | None, *, oom: bool = False, note: str = "") -> None:
        """An end that nobody asked for, whatever the code (as on Heroku)."""
        now = self._control.clock.now()
        steady = row.up_at is not None and now - row.up_at >= STEADY_AFTER
        crashes = 1 if steady else row.crashes + 1
        retry_at = now + timedelta(seconds=wait_seconds(crashes, CRASH_WAITS_SECONDS))
        seen = {"exit_code": exit_code, "crashes": crashes, "retry_at": retry_at, "serving": False}
        with self._control.store.write() as tx:
            if not self._move(tx, row, "crashed", **seen):
                return
            if oom:
                self._say(tx, row, R15)
            self._say_exit(tx, row, exit_code)
            if note:
                self._say(tx, row, note)
            state = "up" if row.phase in ("up", "retiring") else "starting"
            self._say(tx, row, f"State changed from {state} to crashed")
            tx.hint("router", row.app_id)

    def complete(self, row: Row[Any], exit_code: int | None, *, oom: bool = False, note: str = "") -> None:
        """A one-off has ended by itself."""
        code = 137 if oom and not exit_code else exit_code
        with self._control.store.write() as tx:
            if not self._move(tx, row, "complete", exit_code=code):
                return
            if oom:
                self._say(tx, row, R15)
            self._say_exit(tx, row, exit_code)
            if note:
                self._say(tx, row, note)
            self._say(tx, row, "State changed from up to complete")

    def sealed(self, row: Row[Any], sealed: Sealed | None, error: str = "") -> None:
        """What came of a build's BUILD dir, for the builds room to read."""
        result = json.dumps(asdict(sealed)) if sealed else json.dumps({"error": error})
        with self._control.store.write() as tx:
            rows.change(tx, row.id, result=result)
            tx.hint("builds", row.app_id)

    def gone(self, row: Row[Any], text: str = "") -> None:
        with self._control.store.write() as tx:
            if self._move(tx, row, "gone", serving=False):
                if text:
                    self._say(tx, row, text)
                tx.hint("router", row.app_id)

    def say(self, row: Row[Any], text: str) -> None:
        """One line `heroku[<dyno>]: text`."""
        with self._control.store.write() as tx:
            self._say(tx, row, text)

    def _move(self, tx: Tx, row: Row[Any], phase: str, **values: Any) -> bool:
        """Whether the attempt was in a phase from which it may come to this one; if not, nothing is changed."""
        now = self._control.clock.now()
        for room in ("dynos", "builds") if row.kind == "build" else ("dynos",):
            tx.hint(room, row.app_id)
        moved = tx.conn.execute(
            update(dynos)
            .where(dynos.c.id == row.id, dynos.c.phase.in_(before(phase)))
            .values(phase=phase, updated_at=now, **values)
        )
        return moved.rowcount > 0

    def _say_exit(self, tx: Tx, row: Row[Any], exit_code: int | None) -> None:
        if exit_code is not None:
            self._say(tx, row, f"Process exited with status {exit_code}")

    def _say(self, tx: Tx, row: Row[Any], text: str) -> None:
        if row.kind != "build":
            say(tx, row.app_id, self._control.clock.now(), "heroku", row.name, text)
