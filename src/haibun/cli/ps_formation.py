"""`haibun ps:scale` and `ps:type`: how many dynos of which size are wanted."""

from __future__ import annotations

import re
from typing import Any

from haibun.cli import screen, tables
from haibun.cli.command import JSON, Context, command
from haibun.cli.errors import CliError

SCALE = re.compile(r"([\w-]+?)([=+-]\d+)(?::([\w-]+))?")
SIZE = re.compile(r"([\w-]+)=([\w-]+)")


@command(
    "[TYPE=QUANTITY...]",
    flags=(JSON,),
    details="QUANTITY may be relative: web+1, worker-2. With :SIZE the size changes too. Without arguments the\n"
    "formation is shown.",
    examples=("haibun ps:scale web=3:Standard-2X worker+1", "haibun ps:scale"),
)
def scale(ctx: Context) -> None:
    """Change, or show, quantities."""
    if not ctx.words:
        formation = _formation(ctx)
        if ctx.on("json"):
            screen.as_json(formation)
            return
        if not formation:
            raise CliError(f"No process types on {ctx.label}.\nUpload a Procfile to add process types.")
        screen.out(" ".join(f"{row['type']}={row['quantity']}:{row['size']}" for row in formation))
        return
    updates = [scale_update(word) for word in ctx.words]
    with screen.Action("Scaling dynos") as step:
        answer = ctx.api.patch(f"{ctx.app_path}/formation", {"updates": updates})
        changed = {update["type"] for update in updates}
        rows = [row for row in answer if row["type"] in changed]
        said = ", ".join(f"{row['type']} at {row['quantity']}:{row['size']}" for row in rows)
        step.done(f"now running {said}")
    if ctx.on("json"):
        screen.as_json(answer)


def scale_update(word: str) -> dict[str, str]:
    """`web=2:basic` -> an update for the API; quantities are strings, as Heroku's CLI sends them."""
    match = SCALE.fullmatch(word)
    if not match:
        raise CliError(f"{word} is invalid. Say TYPE=QUANTITY, such as web=2, web+1 or web=2:Standard-2X.")
    kind, quantity, size = match.groups()
    update = {"type": kind, "quantity": quantity.removeprefix("=")}
    return update | ({"size": size} if size else {})


@command(
    "[TYPE=SIZE...]",
    flags=(JSON,),
    details="With one plain SIZE every process type gets it. Without arguments the sizes are shown.",
    examples=("haibun ps:type", "haibun ps:type standard-1x", "haibun ps:type web=standard-2x worker=basic"),
)
def dyno_type(ctx: Context) -> None:
    """Change, or show, sizes."""
    formation = _formation(ctx)
    if ctx.words:
        updates = _size_updates(ctx.words, formation)
        with screen.Action(f"Scaling dynos on {ctx.label}") as step:
            ctx.api.patch(f"{ctx.app_path}/formation", {"updates": updates})
            step.done()
        formation = _formation(ctx)
    if ctx.on("json"):
        screen.as_json(formation)
        return
    if not formation:
        raise CliError(f"No process types on {ctx.label}.\nUpload a Procfile to add process types.")
    screen.heading("Process Types")
    tables.table(("type", "size", "qty"), [(row["type"], row["size"], row["quantity"]) for row in formation])
    totals: dict[str, int] = {}
    for row in formation:
        totals[row["size"]] = totals.get(row["size"], 0) + row["quantity"]
    screen.out()
    screen.heading("Dyno Totals")
    tables.table(("type", "total"), list(totals.items()))


def _size_updates(words: list[str], formation: list[dict[str, Any]]) -> list[dict[str, str]]:
    if len(words) == 1 and "=" not in words[0]:
        return [{"type": row["type"], "size": words[0]} for row in formation]
    updates = []
    for word in words:
        match = SIZE.fullmatch(word)
        if not match:
            raise CliError(f"{word} is invalid. Say TYPE=SIZE, such as web=standard-1x.")
        updates.append({"type": match[1], "size": match[2]})
    unknown = [update["type"] for update in updates if update["type"] not in {row["type"] for row in formation}]
    if unknown:
        known = ", ".join(row["type"] for row in formation)
        raise CliError(f"Type {unknown[0]} not found in process formation.\nTypes: {known}")
    return updates


def _formation(ctx: Context) -> list[dict[str, Any]]:
    return sorted(ctx.api.get_list(f"{ctx.app_path}/formation"), key=lambda row: str(row["type"]))
