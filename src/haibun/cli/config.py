"""`haibun config`: show and change config vars."""

from __future__ import annotations

import shlex

from haibun.cli import screen
from haibun.cli.command import JSON, Context, command
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag

NEWEST = "version ..; max=1, order=desc"
SHELL = Flag("shell", "output config vars in shell format", None, "s")


@command(flags=(JSON, SHELL), examples=("haibun config", "haibun config --shell > .env"))
def show(ctx: Context) -> None:
    """All config vars."""
    config: dict[str, str] = ctx.api.get(f"{ctx.app_path}/config-vars")
    if ctx.on("json"):
        screen.as_json(config)
    elif ctx.on("shell"):
        for key, value in config.items():
            screen.out(f"{key}={shlex.quote(value)}")
    else:
        screen.heading(f"{screen.app_label(ctx.app)} Config Vars")
        screen.pairs(config.items())


@command(
    "KEY",
    flags=(Flag("shell", "output config var in shell format", None, "s"),),
    examples=("haibun config:get DATABASE_URL",),
)
def get(ctx: Context) -> None:
    """One value, as it is."""
    key = ctx.words[0]
    value: str = ctx.api.get(f"{ctx.app_path}/config-vars").get(key) or ""
    screen.out(f"{key}={shlex.quote(value)}" if ctx.on("shell") else value)


@command(
    "[KEY=VALUE...]",
    examples=("haibun config:set RAILS_ENV=staging", "haibun config:set RAILS_ENV=staging RACK_ENV=staging"),
)
def set_vars(ctx: Context) -> None:
    """Set any number of config vars in one release."""
    if not ctx.words:
        ctx.usage("Usage: haibun config:set KEY1=VALUE1 [KEY2=VALUE2 ...]\nMust specify KEY and VALUE to set.")
    wanted: dict[str, str] = {}
    for word in ctx.words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise CliError(f"{word} is invalid. Must be in the format FOO=bar.")
        wanted[key] = value
    with screen.Action(f"Setting {', '.join(wanted)} and restarting {ctx.label}") as step:
        config = ctx.api.patch(f"{ctx.app_path}/config-vars", wanted)
        step.done(newest_release(ctx))
    screen.pairs((key, config.get(key)) for key in wanted)


@command("[KEY...]", examples=("haibun config:unset RAILS_ENV", "haibun config:unset RAILS_ENV RACK_ENV"))
def unset(ctx: Context) -> None:
    """Take any number of config vars away in one release."""
    if not ctx.words:
        ctx.usage("Usage: haibun config:unset KEY1 [KEY2 ...]\nMust specify KEY to unset.")
    with screen.Action(f"Unsetting {', '.join(ctx.words)} and restarting {ctx.label}") as step:
        ctx.api.patch(f"{ctx.app_path}/config-vars", dict.fromkeys(ctx.words))
        step.done(newest_release(ctx))


def newest_release(ctx: Context) -> str:
    """`v5`; empty for an app without releases."""
    releases = ctx.api.get_list(f"{ctx.app_path}/releases", NEWEST)
    return f"v{releases[0]['version']}" if releases else ""
