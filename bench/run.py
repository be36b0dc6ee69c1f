"""Measures the platform and says what it measured: `python bench/run.py [--quick] [--json] [name ...]`.

Root, on a machine that `make setup` made ready. What can be compared is compared in the same run, since only
ratios travel from one machine to the next.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.report import Row, load, table

NAMES = ("start", "boot", "push", "idle", "router", "logplex")


def measure(name: str, quick: bool) -> list[Row]:
    module = importlib.import_module("bench.adapters" if name in ("router", "logplex") else f"bench.{name}")
    found: list[Row] = getattr(module, name if name in ("router", "logplex") else "rows")(quick)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the platform (root).")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all without one")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in NAMES]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if os.geteuid() != 0:
        parser.error("it makes containers and networks, so it needs root")
    loads, rows = {"before": load()}, []
    for name in asked.names or NAMES:
        began = time.monotonic()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        rows += measure(name, asked.quick)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
        loads[f"after {name}"] = load()
    if asked.json:
        print(json.dumps({"load": loads, "rows": [row.data() for row in rows]}))
    else:
        print(table(rows))
        print("\n" + "\n".join(f"  {when}: {text}" for when, text in loads.items()))
    return 0 if all(row.met is not False for row in rows) else 3


if __name__ == "__main__":
    sys.exit(main())
