"""`haibun stack` and `haibun regions`: what apps are built on, and where they run."""

from __future__ import annotations

import sys

from haibun.cli import screen, tables
from haibun.cli.command import JSON, Context, command


@command(flags=(JSON,))
def show(ctx: Context) -> None:
    """The stacks there are, the app's own marked."""
    app = ctx.api.get(ctx.app_path)
    stacks = sorted(ctx.api.get_list("/stacks"), key=lambda stack: str(stack["name"]))
    if ctx.on("json"):
        screen.as_json(stacks)
        return
    now, next_build = app["stack"]["name"], (app.get("build_stack") or app["stack"])["name"]
    screen.heading(f"{screen.app_label(app['name'])} Available Stacks")
    for stack in stacks:
        name = stack["name"]
        if name == now:
            screen.out(screen.paint(f"* {name}", screen.GREEN))
        else:
            screen.out(f"  {name}" + (" (active on next deploy)" if name == next_build else ""))


@command("STACK", examples=("haibun stack:set heroku-24 -a my-app",))
def choose(ctx: Context) -> None:
    """Build on another stack from the next deploy on."""
    stack = ctx.words[0]
    with screen.Action(f"Setting stack to {screen.paint(stack, screen.GREEN, sys.stderr)}") as step:
        app = ctx.api.patch(ctx.app_path, {"build_stack": stack})
        step.done()
    if app["stack"]["name"] != (app.get("build_stack") or app["stack"])["name"]:
        label = screen.app_label(ctx.app)
        screen.out(f"You will need to redeploy {label} for the change to take effect.")
        screen.out(f"Run git push haibun main to trigger a new build on {label}.")


@command(flags=(JSON,), app=False)
def regions(ctx: Context) -> None:
    """Where apps can run."""
    found = sorted(ctx.api.get_list("/regions"), key=lambda region: str(region["name"]))
    if ctx.on("json"):
        screen.as_json(found)
        return
    rows = [
        (
            region["name"],
            region["description"],
            "Private Spaces" if region["private_capable"] else "Common Runtime",
        )
        for region in found
    ]
    tables.table(("ID", "Location", "Runtime"), rows)
