"""`haibun maintenance`: whether visitors get the maintenance page instead of the app."""

from __future__ import annotations

from haibun.cli import screen
from haibun.cli.command import Context, command


@command()
def show(ctx: Context) -> None:
    """`on` or `off`."""
    screen.out("on" if ctx.api.get(ctx.app_path)["maintenance"] else "off")


@command()
def on(ctx: Context) -> None:
    """Show the maintenance page."""
    _set(ctx, "Enabling", wanted=True)


@command()
def off(ctx: Context) -> None:
    """Show the app again."""
    _set(ctx, "Disabling", wanted=False)


def _set(ctx: Context, verb: str, *, wanted: bool) -> None:
    with screen.Action(f"{verb} maintenance mode for {ctx.label}") as step:
        ctx.api.patch(ctx.app_path, {"maintenance": wanted})
        step.done()
