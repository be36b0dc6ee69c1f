"""`haibun ps`: the dynos of an app as they are, and restarting, stopping and waiting for them."""

from __future__ import annotations

import time
from typing import Any

from haibun.cli import screen, times
from haibun.cli.command import JSON, Context, command
from haibun.cli.config import NEWEST
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag
from haibun.client.http import segment
from haibun.client.rendezvous import without_exit_code

DYNO = Flag("dyno-name", "the dyno to act on", "DYNO", "d")
TYPE = Flag("process-type", "the process type to act on", "TYPE", "p")
STATE_COLOURS = {"up": screen.GREEN, "crashed": screen.RED, "starting": screen.YELLOW}


@command("[TYPE...]", flags=(JSON,), examples=("haibun ps", "haibun ps run", "haibun ps web worker"))
def listing(ctx: Context) -> None:
    """Dynos by process type and command."""
    dynos = sorted(ctx.api.get_list(f"{ctx.app_path}/dynos"), key=_order)
    for kind in ctx.words:
        if not any(dyno["type"] == kind for dyno in dynos):
            raise CliError(f"No {kind} dynos on {ctx.label}")
    chosen = [dyno for dyno in dynos if not ctx.words or dyno["type"] in ctx.words]
    if ctx.on("json"):
        screen.as_json(chosen)
    elif not chosen:
        screen.out(f"No dynos on {screen.app_label(ctx.app)}")
    for title, lines in ({} if ctx.on("json") else grouped(chosen)).items():
        screen.heading(f"{title} ({len(lines)})")
        for line in lines:
            screen.out(line)
        screen.out()


def _order(dyno: dict[str, Any]) -> tuple[str, int, str]:
    number = dyno["name"].rpartition(".")[2]
    return dyno["type"], int(number) if number.isdecimal() else 0, dyno["name"]


def grouped(dynos: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Heading -> a line per dyno."""
    groups: dict[str, list[str]] = {}
    for dyno in dynos:
        text = without_exit_code(dyno["command"])
        state = screen.paint(dyno["state"], STATE_COLOURS.get(dyno["state"], screen.DIM))
        since = screen.paint(times.shown(dyno["updated_at"]), screen.DIM)
        size = screen.paint(dyno["size"], screen.CYAN)
        if dyno["type"] == "run":
            title, line = "run: one-off processes", f"{dyno['name']} ({size}): {state} {since}: {text}"
        else:
            title, line = f"{dyno['type']} ({size}): {text}", f"{dyno['name']}: {state} {since}"
        groups.setdefault(title, []).append(line)
    return groups


@command(
    "[DYNO]",
    flags=(DYNO, TYPE),
    examples=("haibun restart", "haibun ps:restart -d web.1", "haibun ps:restart -p web"),
)
def restart(ctx: Context) -> None:
    """Restart a dyno, a process type, or all."""
    dyno, kind = _which(ctx)
    if dyno:
        what, path = f"dyno {dyno}", f"dynos/{segment(dyno)}"
    elif kind:
        what, path = f"all {kind} dynos", f"formations/{segment(kind)}"
    else:
        what, path = "all dynos", "dynos"
    with screen.Action(f"Restarting {what} on {ctx.label}") as step:
        ctx.api.delete(f"{ctx.app_path}/{path}")
        step.done()


@command(
    "[DYNO]",
    flags=(DYNO, TYPE),
    examples=("haibun ps:stop -d run.1828", "haibun ps:stop -p run"),
)
def stop(ctx: Context) -> None:
    """Stop a dyno or a process type."""
    dyno, kind = _which(ctx)
    if not dyno and not kind:
        ctx.usage("Say which: haibun ps:stop --dyno-name DYNO, or --process-type TYPE.")
    what, path = (f"dyno {dyno}", f"dynos/{segment(dyno)}") if dyno else _type_path(str(kind))
    with screen.Action(f"Stopping {what} on {ctx.label}") as step:
        ctx.api.post(f"{ctx.app_path}/{path}/actions/stop")
        step.done()


def _type_path(kind: str) -> tuple[str, str]:
    return f"all {kind} dynos", f"formations/{segment(kind)}"


def _which(ctx: Context) -> tuple[str | None, str | None]:
    """(dyno, process type); a plain word is a dyno if it has a number."""
    word = ctx.word(0)
    dyno, kind = ctx.flag("dyno-name"), ctx.flag("process-type")
    if word and "." in word:
        dyno = dyno or word
    elif word:
        kind = kind or word
    return dyno, kind


@command(
    flags=(
        Flag("type", "wait for one process type", "TYPE", "t"),
        Flag("wait-interval", "seconds between looks (default 2)", "SECONDS", "w"),
        Flag("with-run", "wait for one-off run dynos too", None, "R"),
    ),
)
def wait(ctx: Context) -> None:
    """Wait until every dyno is up on the newest release."""
    releases = ctx.api.get_list(f"{ctx.app_path}/releases", NEWEST)
    if not releases:
        raise CliError(f"App {ctx.app} has no releases")
    version = releases[0]["version"]
    pause = ctx.flag_number("wait-interval", 2)
    with screen.Action(f"Waiting for every dyno to be running v{version}") as step:
        shown = None
        while True:
            dynos = [dyno for dyno in ctx.api.get_list(f"{ctx.app_path}/dynos") if _counts(ctx, dyno)]
            ready = [dyno for dyno in dynos if dyno["release"]["version"] == version and dyno["state"] == "up"]
            if len(ready) == len(dynos):
                step.done(f"{len(ready)} / {len(dynos)}")
                return
            if shown != (shown := f"{len(ready)} / {len(dynos)}"):
                step.status(shown)
            time.sleep(pause)


def _counts(ctx: Context, dyno: dict[str, Any]) -> bool:
    if (only := ctx.flag("type")) and dyno["type"] != only:
        return False
    return dyno["type"] != "release" and (dyno["type"] != "run" or ctx.on("with-run"))
