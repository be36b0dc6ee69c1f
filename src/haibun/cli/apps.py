"""`haibun apps`: make, see, rename and destroy apps, and keep the git remotes of this folder in step."""

from __future__ import annotations

import os
import sys
from typing import Any

from haibun.cli import repository, screen, tables, times
from haibun.cli.command import CONFIRM, JSON, Context, command
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag
from haibun.client.errors import ApiError
from haibun.client.http import segment

DEFAULT_REMOTE = "haibun"
USUAL_REGIONS = ("us", "local")


@command(
    "[NAME]",
    flags=(
        Flag("app", "name of the app to create", "NAME", "a"),
        Flag("buildpack", "buildpack to use for this app", "BUILDPACK", "b"),
        Flag("no-remote", "do not create a git remote", None, "n"),
        Flag("remote", "the git remote to create, default haibun", "REMOTE", "r"),
        Flag("region", "specify region for the app to run in", "REGION"),
        Flag("stack", "the stack to create the app on", "STACK", "s"),
        JSON,
    ),
    examples=("haibun create", "haibun create my-app", "haibun create my-app --remote staging"),
)
def create(ctx: Context) -> None:
    """Create an app, name made up if not given; in a repository also the git remote."""
    name = ctx.word(0) or ctx.flag("app")
    body = {"name": name, "region": ctx.flag("region"), "stack": ctx.flag("stack")}
    label = screen.app_label(name, sys.stderr) if name else "app"
    with screen.Action(f"Creating {label}") as step:
        app = ctx.api.post("/apps", {key: value for key, value in body.items() if value})
        said = [f"{word} is {body[word]}" for word in ("region", "stack") if body[word]]
        step.done(", ".join(said if name else [screen.app_label(app["name"], sys.stderr), *said]))
    if buildpack := ctx.flag("buildpack"):
        with screen.Action(f"Setting buildpack to {screen.paint(buildpack, screen.CYAN, sys.stderr)}") as step:
            body_of_put = {"updates": [{"buildpack": buildpack}]}
            ctx.api.put(f"/apps/{segment(app['name'])}/buildpack-installations", body_of_put)
            step.done()
    if ctx.on("json"):
        screen.as_json(app)
    else:
        screen.out(_addresses(ctx, app))
    if not ctx.on("no-remote") and repository.inside():
        _add_remote(ctx, app["name"])


def _addresses(ctx: Context, app: dict[str, Any]) -> str:
    web = screen.paint(app["web_url"], screen.CYAN)
    return f"{web} | {screen.paint(ctx.host.remote_url(app['name']), screen.GREEN)}"


def _add_remote(ctx: Context, app: str) -> None:
    name = ctx.flag("remote") or DEFAULT_REMOTE
    present = repository.git("config", "--get", f"remote.{name}.url", check=False).strip()
    if not present:
        repository.set_remote(name, ctx.host, app)
    elif present != ctx.host.remote_url(app):
        screen.warning(
            f"The git remote {name} exists already and stays as it is ({present}). "
            f"To push to {app}: haibun git:remote -a {app}"
        )


@command(
    flags=(JSON, Flag("all", "include apps you collaborate on (they are always listed)", None, "A")),
    app=False,
)
def listing(ctx: Context) -> None:
    """The apps of the user, and those the user works on with others."""
    apps = sorted(ctx.api.get_list("/users/~/apps"), key=lambda app: str(app["name"]))
    if ctx.on("json"):
        screen.as_json(apps)
        return
    email = ctx.api.get("/account")["email"]
    mine = [app for app in apps if app["owner"]["email"] == email]
    others = [app for app in apps if app["owner"]["email"] != email]
    if not apps:
        screen.out("You have no apps. To make one: haibun create")
    if mine:
        screen.heading(f"{email} Apps")
        for app in mine:
            screen.out(_name_and_place(app))
        screen.out()
    if others:
        screen.heading("Collaborated Apps")
        tables.table(("Name", "Email"), [(_name_and_place(app), app["owner"]["email"]) for app in others])


def _name_and_place(app: dict[str, Any]) -> str:
    region = app["region"]["name"]
    marks = ([] if region in USUAL_REGIONS else [f"({region})"]) + (["[locked]"] if app.get("locked") else [])
    return " ".join([app["name"], *marks])


@command(
    "[APP]",
    flags=(JSON, Flag("shell", "output in shell format", None, "s")),
    examples=("haibun info", "haibun info -a my-app --json"),
)
def info(ctx: Context) -> None:
    """All about an app."""
    app = ctx.api.get(f"/apps/{segment(ctx.word(0) or ctx.app)}")
    path = f"/apps/{segment(app['name'])}"
    more = {noun: _optional(ctx, f"{path}/{noun}") for noun in ("addons", "collaborators", "dynos")}
    if ctx.on("json"):
        screen.as_json({"appData": app, **more})
        return
    values = _facts(ctx, app, more)
    if ctx.on("shell"):
        import shlex

        for key, value in values:
            if value is not None:
                word = "_".join(key.lower().split())
                screen.out(f"{word}={shlex.quote(value)}")
        return
    screen.heading(screen.app_label(app["name"]))
    screen.pairs(values)


def _optional(ctx: Context, path: str) -> list[dict[str, Any]]:
    """A list that the server may not know of yet."""
    try:
        return ctx.api.get_list(path)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return []


def _facts(
    ctx: Context, app: dict[str, Any], more: dict[str, list[dict[str, Any]]]
) -> list[tuple[str, str | None]]:
    owner = app["owner"]["email"]
    counts: dict[str, int] = {}
    for dyno in more["dynos"]:
        counts[dyno["type"]] = counts.get(dyno["type"], 0) + 1
    emails = [entry["user"]["email"] for entry in more["collaborators"]]
    return [
        ("Addons", ", ".join(addon["plan"]["name"] for addon in more["addons"]) or None),
        ("Collaborators", ", ".join(email for email in emails if email != owner) or None),
        ("Maintenance", "on" if app.get("maintenance") else None),
        ("Auto Cert Mgmt", str(bool(app.get("acm"))).lower()),
        ("Git URL", ctx.host.remote_url(app["name"])),
        ("Web URL", app["web_url"]),
        ("Repo Size", times.size(app.get("repo_size"))),
        ("Slug Size", times.size(app.get("slug_size"))),
        ("Owner", owner),
        ("Region", app["region"]["name"]),
        ("Dynos", ", ".join(f"{kind}: {count}" for kind, count in counts.items()) or None),
        ("Stack", _stack(app)),
    ]


def _stack(app: dict[str, Any]) -> str:
    now, next_build = app["stack"]["name"], (app.get("build_stack") or app["stack"])["name"]
    return str(now) if now == next_build else f"{now} (next build will use {next_build})"


@command("NEWNAME", examples=("haibun rename new-name -a old-name",))
def rename(ctx: Context) -> None:
    """Rename an app, and move the git remotes of this folder along."""
    old, new = ctx.app, ctx.words[0]
    with screen.Action(f"Renaming {ctx.label} to {screen.app_label(new, sys.stderr)}") as step:
        app = ctx.api.patch(ctx.app_path, {"name": new})
        step.done()
    screen.warning("Don't forget to update git remotes for all other local checkouts of the app.")
    screen.out(_addresses(ctx, app))
    for remote in _remotes_of(ctx, old):
        repository.set_remote(remote, ctx.host, app["name"])
        screen.out(f"Git remote {remote} updated")


def _remotes_of(ctx: Context, app: str) -> list[str]:
    return [
        remote.name
        for remote in ctx.target.remotes()
        if remote.app == app and remote.git_host == ctx.host.git_host
    ]


@command("[APP]", flags=(CONFIRM,), examples=("haibun destroy -a my-app --confirm my-app",))
def destroy(ctx: Context) -> None:
    """Destroy an app for good, and drop the git remotes that pointed at it."""
    name = ctx.word(0) or ctx.app
    app = ctx.api.get(f"/apps/{segment(name)}")["name"]
    label = screen.app_label(app, sys.stderr)
    ctx.confirm(app, f"This will delete {label} including all add-ons.")
    with screen.Action(f"Destroying {label} (including all add-ons)") as step:
        ctx.api.delete(f"/apps/{segment(app)}")
        step.done()
    for remote in _remotes_of(ctx, app):
        repository.git("remote", "rm", remote, check=False)


@command("[PATH]", examples=("haibun open", "haibun open /admin"))
def open_app(ctx: Context) -> None:
    """Say the app's address, and open it where a browser can be shown."""
    url = ctx.api.get(ctx.app_path)["web_url"] + (ctx.word(0) or "").lstrip("/")
    if not url.startswith(("http://", "https://")):
        raise CliError(f"The server gave an address that is not one of the web: {url}")
    shown = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    screen.out(f"Opening {screen.paint(url, screen.CYAN)}..." if shown else url)
    if shown:
        import webbrowser

        webbrowser.open(url)
