"""A logplex process for tests: `python process.py <folder>`. Events and gone dynos are files of that folder."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

from haibun.core.layout import Layout
from haibun.logplex.events import Event
from haibun.logplex.serve import serve
from haibun.wire.sealed import Sealer

KEY = b"k" * 32


def main(folder: Path) -> None:
    """Until killed."""
    events, forgotten, gone = folder / "events", folder / "forgotten", folder / "gone"

    def take() -> list[Event]:
        upto = int(forgotten.read_text()) if forgotten.exists() else 0
        rows = events.read_text().split("\n")[:-1] if events.exists() else []
        return [tuple(row) for row in map(json.loads, rows) if row[0] > upto]  # type: ignore[misc]

    def forget(upto: int) -> None:
        part = forgotten.with_suffix(".part")
        part.write_text(str(upto))
        part.rename(forgotten)

    layout = Layout(folder / "data", folder / "run")
    ready = folder / "ready"
    asyncio.run(
        serve(layout, Sealer(KEY), take, forget, lambda dyno: (gone / dyno).exists(), lambda: ready.touch())
    )


if __name__ == "__main__":
    logging.basicConfig(level="WARNING")
    main(Path(sys.argv[1]))
