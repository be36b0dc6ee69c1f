"""What bench/router.py and bench/logplex.py found, as rows."""

from __future__ import annotations

from bench.report import Row


def router(_quick: bool) -> list[Row]:
    from bench import router as bench

    found = dict(bench.run())
    (bare,) = (value for label, value in found.items() if label.startswith("bare"))
    rates = {label: value for label, value in found.items() if label.startswith("router, ")}
    return [
        Row(label.removesuffix(", requests/s"), value, "req/s", bare, of_ratio=True, at_least=True,
            # The one port has a hop of its own, which sets TLS and consoles apart: told, not aimed at.
            aim=None if "one port" in label else 0.9)
        for label, value in rates.items()
    ]  # fmt: skip


def logplex(_quick: bool) -> list[Row]:
    from bench import logplex as bench

    found: list[Row] = []
    bare = 0.0
    for label, text in bench.run():
        percent = text.endswith("%")
        value = float(text.replace(",", "").removesuffix("%"))
        if label.startswith("bare"):
            bare = value
            continue
        if "times the bare" in label:
            continue
        lost, of_core = "lost" in label, "core's CPU" in label
        lines = "lines/s" in label and not of_core and not label.startswith("live")
        label = label.replace("lines/s of", "per").replace(", lines/s", "").replace(", tail's lines/s", "")
        label = "logplex, " + label.replace(", start of the writer included", "")
        found.append(
            Row(label, value, "%" if percent else "" if lost else "lines/s",
                bare if lines else None, aim=0 if lost else 200_000 if of_core else None, at_least=of_core)
        )  # fmt: skip
    return found
