"""`haibun down`: ends the platform's processes, and its dynos if asked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from haibun.roles import process
from haibun.roles.operator import Trouble
from haibun.roles.settings import layout_of, load


def down(data_dir: Path, *, dynos: bool, say: Callable[[str], None]) -> None:
    """Stop every process of the platform in data_dir; no error if it is not running."""
    settings = load(data_dir)
    if settings is None:
        raise Trouble(f"There is no platform in {data_dir}. Name the one you mean with --data-dir.")
    layout = layout_of(data_dir, settings)
    # The supervisor first, or it would start the others again; the edge next, so that nothing new comes in.
    for role in ("supervisor", "haproxy", "web", "controller", "logplex", "runtime"):
        if process.running(layout, role):
            say(f"Stopping {role}")
            process.stop(layout, role)
    if dynos:
        say("Stopping the dynos")
        from haibun.roles.runtime import teardown

        teardown(settings, layout)
        shutil.rmtree(layout.run, ignore_errors=True)
