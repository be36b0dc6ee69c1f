"""`haibun git`: remotes and clones whose pushes need no password."""

from __future__ import annotations

import subprocess

from haibun.cli import repository, screen
from haibun.cli.apps import DEFAULT_REMOTE
from haibun.cli.command import Context, command
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag
from haibun.client.http import segment


@command(
    flags=(Flag("remote", "the git remote to create, default haibun", "REMOTE", "r"),),
    examples=("haibun git:remote -a my-app", "haibun git:remote -a my-app -r staging"),
)
def remote(ctx: Context) -> None:
    """Set the git remote of this repository to an app."""
    if not repository.inside():
        raise CliError("This folder is not in a git repository. Make it one first: git init")
    name = ctx.flag("remote") or DEFAULT_REMOTE
    app = ctx.api.get(f"/apps/{segment(_app(ctx))}")["name"]
    repository.set_remote(name, ctx.host, app)
    screen.out(f"set git remote {screen.paint(name, screen.CYAN)} to {ctx.host.remote_url(app)}")


def _app(ctx: Context) -> str:
    """The app; --remote names the remote to make here, so it cannot say which app is meant."""
    from haibun.cli.target import Target

    return ctx.flag("app") or Target(host=ctx.flag("host"), app=None, remote=None).app


@command(
    "[DIRECTORY]",
    flags=(Flag("remote", "the git remote to create, default haibun", "REMOTE", "r"),),
    examples=("haibun git:clone -a my-app", "haibun git:clone -a my-app other-folder"),
)
def clone(ctx: Context) -> int:
    """Clone an app's repository, wired for pushing."""
    app = ctx.api.get(f"/apps/{segment(_app(ctx))}")["name"]
    settings = [
        part
        for key, values in repository.settings(ctx.host).items()
        for value in values
        for part in ("-c", f"{key}={value}")
    ]
    origin = ["-o", ctx.flag("remote") or DEFAULT_REMOTE]
    words = ["git", "clone", *settings, *origin, "--", ctx.host.remote_url(app), ctx.word(0) or app]
    return subprocess.run(words, check=False).returncode


@command("ACTION", app=False, details="ACTION is get, store or erase; see gitcredentials(7).")
def credentials(ctx: Context) -> int:
    """Answer git. Normally reached by the shorter way in main."""
    from haibun.cli.git_credentials import main

    return main(ctx.words)
