"""`haibun run`: a one-off dyno, attached to this terminal or left to itself."""

from __future__ import annotations

import os
import sys
from typing import Any

from haibun.cli import screen
from haibun.cli.command import Context, command
from haibun.cli.errors import CliError, Misused
from haibun.cli.flags import Flag
from haibun.cli.terminal import Session, raw_keys
from haibun.client.rendezvous import dial, with_exit_code

COMMON = (
    Flag("env", "environment variables to set (use ';' to split multiple vars)", "KEY=VALUE", "e", many=True),
    Flag("size", "dyno size", "SIZE", "s"),
    Flag("type", "process type", "TYPE"),
)
EXIT_CODE = Flag("exit-code", "passed on in any case; taken for scripts written for Heroku's CLI", None, "x")
NO_TTY = Flag("no-tty", "do not give the process a terminal")
NO_NOTIFY = Flag("no-notify", "taken for scripts written for Heroku's CLI")


@command(
    "COMMAND...",
    flags=(*COMMON, EXIT_CODE, NO_TTY, NO_NOTIFY),
    passes_on=True,
    details="The exit code is that of COMMAND. After -- all flags are COMMAND's own.",
    examples=(
        "haibun run bash",
        "haibun run -s standard-2x -- myscript.sh -a arg1 -s arg2",
        "haibun run python manage.py loaddata - < data.json",
    ),
)
def run(ctx: Context) -> int:
    """Run a command with this terminal, or with our pipes, as its own."""
    typed = command_line(ctx.words)
    if not typed:
        ctx.usage("Usage: haibun run COMMAND\n\nExample: haibun run bash")
    # Without a terminal here there shall be none there: it would echo the input and mangle the output.
    has_tty = sys.stdin.isatty() and not ctx.on("no-tty")
    body = (
        _body(ctx, attach=True) | {"command": with_exit_code(typed)} | ({} if has_tty else {"force_no_tty": True})
    )
    with screen.Action(f"Running {screen.paint(typed, screen.CYAN, sys.stderr)} on {ctx.label}") as step:
        dyno = ctx.api.post(f"{ctx.app_path}/dynos", body)
        step.status(f"connecting, {dyno['name']}")
        line = dial(dyno["attach_url"] or "", ctx.host.ca_file)
        step.status(f"{screen.paint('up', screen.GREEN, sys.stderr)}, {dyno['name']}")
    with raw_keys(has_tty):
        session = Session(line, keys=has_tty, convert=has_tty and not sys.stdout.isatty())
        code = session.run()
    if code is None:
        raise CliError(
            session.refusal or "The connection to the dyno ended without an exit code. What it did: haibun logs"
        )
    return code


@command(
    "COMMAND...",
    flags=(*COMMON, Flag("tail", "continually stream logs", None, "t"), NO_NOTIFY),
    passes_on=True,
    examples=("haibun run:detached python manage.py migrate",),
)
def detached(ctx: Context) -> None:
    """Start a command in a dyno of its own, its output in the app's logs."""
    typed = command_line(ctx.words)
    if not typed:
        ctx.usage("Usage: haibun run:detached COMMAND\n\nExample: haibun run:detached ls")
    with screen.Action(f"Running {screen.paint(typed, screen.CYAN, sys.stderr)} on {ctx.label}") as step:
        dyno = ctx.api.post(f"{ctx.app_path}/dynos", _body(ctx, attach=False) | {"command": typed})
        step.done(dyno["name"])
    arguments = ["--app", ctx.app, "--dyno-name", dyno["name"]]
    if ctx.on("tail"):
        from haibun.cli.logs import logs

        logs.run("logs", [*arguments, "--tail"])
        return
    screen.out(f"Run haibun logs {' '.join(arguments)} to view the output.")


def command_line(words: list[str]) -> str:
    """Words of argv -> the line that the dyno's shell gets, by the rule of Heroku's CLI.

    One word is a whole command line. Of several, those with a blank or a quote are put in double quotes.
    """
    if len(words) == 1:
        return words[0]
    return " ".join('"' + word.replace('"', '\\"') + '"' if " " in word or '"' in word else word for word in words)


def _body(ctx: Context, *, attach: bool) -> dict[str, Any]:
    """The request for a one-off dyno, without its command."""
    env: dict[str, str | int] = {"TERM": os.environ.get("TERM", "xterm")}
    if attach and sys.stdout.isatty():
        size = os.get_terminal_size(sys.stdout.fileno())
        env |= {"COLUMNS": size.columns, "LINES": size.lines}
    for pair in ";".join(ctx.flag_list("env")).split(";"):
        key, equals, value = pair.partition("=")
        if pair and not (equals and key):
            raise Misused(f"{pair} is invalid. --env must be in the format KEY=VALUE.")
        if pair:
            env[key] = value
    body: dict[str, Any] = {"attach": attach, "env": env}
    return body | {key: given for key in ("size", "type") if (given := ctx.flag(key))}
