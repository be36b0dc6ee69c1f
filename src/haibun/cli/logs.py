"""`haibun logs`: log lines as they are, in colour where a person reads them."""

from __future__ import annotations

import sys
from typing import Any

from haibun.cli import screen
from haibun.cli.command import Context, command
from haibun.cli.errors import Misused
from haibun.cli.flags import Flag
from haibun.cli.log_colours import coloured
from haibun.client.sse import follow


@command(
    flags=(
        Flag("num", "number of lines to display (default 100)", "NUM", "n"),
        Flag("tail", "continually stream logs", None, "t"),
        Flag("source", "only show output from the source: app or heroku", "SOURCE", "s"),
        Flag("dyno-name", "only show output from this dyno, such as web.1", "DYNO", "d"),
        Flag("dyno", "the same, older name", "DYNO"),
        Flag("ps", "the same, older name", "TYPE"),
        Flag("process-type", "only show output from this process type", "TYPE", "p"),
        Flag("no-color", "plain text even on a terminal"),
    ),
    examples=("haibun logs -n 500", "haibun logs --tail", "haibun logs -d web.1", "haibun logs --source app"),
)
def logs(ctx: Context) -> None:
    """Print the newest lines, and with --tail those to come."""
    if ctx.on("dyno-name") and ctx.on("process-type"):
        raise Misused("--dyno-name and --process-type exclude each other.")
    body: dict[str, Any] = {"lines": ctx.flag_number("num", 100), "tail": ctx.on("tail")}
    dyno = ctx.flag("dyno-name") or ctx.flag("process-type") or ctx.flag("dyno") or ctx.flag("ps")
    body |= {key: value for key, value in (("dyno", dyno), ("source", ctx.flag("source"))) if value}
    session = ctx.api.post(f"{ctx.app_path}/log-sessions", body)
    colour = screen.colours(sys.stdout) and not ctx.on("no-color")
    for lines in follow(session["logplex_url"], ctx.host.ca_file, tail=ctx.on("tail")):
        text = "\n".join(lines).split("\n") if colour else lines
        sys.stdout.write("\n".join(map(coloured, text) if colour else text) + "\n")
        sys.stdout.flush()
