"""`haibun releases`: the history of an app, and going back in it."""

from __future__ import annotations

import http.client
import sys
from typing import Any

from haibun.cli import screen, tables, times
from haibun.cli.command import JSON, Context, command
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag
from haibun.client.errors import ApiError
from haibun.client.http import open_stream, segment

STREAM_SILENCE_SECONDS = 3600.0
STATUS = {
    "pending": ("release command executing", screen.YELLOW),
    "failed": ("release command failed", screen.RED),
    "expired": ("release expired", screen.RED),
}


@command(
    flags=(JSON, Flag("num", "number of releases to show (default 15)", "NUM", "n")),
    examples=("haibun releases", "haibun releases -n 50"),
)
def listing(ctx: Context) -> None:
    """The newest releases."""
    releases = _newest(ctx, ctx.flag_number("num", 15))
    if ctx.on("json"):
        screen.as_json(releases)
        return
    if not releases:
        screen.out(f"{screen.app_label(ctx.app)} has no releases.")
        return
    current = next((release for release in releases if release.get("current")), None)
    title = f"{screen.app_label(ctx.app)} Releases"
    screen.heading(title + (f" - Current: v{current['version']}" if current else ""))
    rows = [
        (f"v{release['version']}", describe(release), release["user"]["email"], times.shown(release["created_at"]))
        for release in releases
    ]
    tables.table(("v", "description", "user", "created_at"), rows, shrink=(1, 2))


def describe(release: dict[str, Any]) -> str:
    """The description, and what is wrong with the release if anything is."""
    words = [release["description"]]
    if release["status"] in STATUS:
        words.append(STATUS[release["status"]][0])
    return " ".join(words)


def _newest(ctx: Context, count: int) -> list[dict[str, Any]]:
    return ctx.api.get_list(f"{ctx.app_path}/releases", f"version ..; max={count}, order=desc")


def _one(ctx: Context, word: str | None) -> dict[str, Any]:
    """The release that `v3` or `3` names, else the newest."""
    if word is None:
        newest = _newest(ctx, 1)
        if not newest:
            raise CliError(f"{ctx.label} has no releases.")
        return newest[0]
    found: dict[str, Any] = ctx.api.get(f"{ctx.app_path}/releases/{segment(word.removeprefix('v'))}")
    return found


@command("[RELEASE]", flags=(JSON, Flag("shell", "output in shell format", None, "s")))
def info(ctx: Context) -> None:
    """All about a release."""
    release = _one(ctx, ctx.word(0))
    if ctx.on("json"):
        screen.as_json(release)
        return
    screen.heading(f"Release v{release['version']}")
    addons = ", ".join(release.get("addon_plan_names") or [])
    eligible = release.get("eligible_for_rollback")
    screen.pairs(
        [
            ("Add-ons", addons or None),
            ("By", release["user"]["email"]),
            ("Change", release["description"]),
            ("Eligible for Rollback?", None if eligible is None else "Yes" if eligible else "No"),
            (
                "Status",
                None
                if release["status"] == "succeeded"
                else describe(release).removeprefix(release["description"]),
            ),
            ("When", release["created_at"]),
        ]
    )
    try:
        config: dict[str, str] = ctx.api.get(f"{ctx.app_path}/releases/{release['version']}/config-vars")
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return
    screen.out()
    screen.heading(f"v{release['version']} Config vars")
    screen.pairs(config.items())


@command("[RELEASE]")
def output(ctx: Context) -> None:
    """What the release command printed."""
    release = _one(ctx, ctx.word(0))
    if not (url := release.get("output_stream_url")):
        screen.warning(f"Release v{release['version']} has no release output available.")
        return
    if not print_stream(ctx, url):
        screen.warning("Release command not started yet. Please try again in a few seconds.")


def print_stream(ctx: Context, url: str) -> bool:
    """Copy a stream of the platform to stdout; False if it has not begun. CliError if it breaks off."""
    response = open_stream(url, ctx.host.ca_file, {}, timeout=STREAM_SILENCE_SECONDS)
    if response.status == 404:
        return False
    if response.status != 200:
        raise CliError(f"The server answered with status {response.status} instead of the output.")
    try:
        while chunk := response.read1(65536):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
    except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise CliError("The output broke off. What it was so far: haibun releases:output") from error
    return True


@command("[RELEASE]", examples=("haibun rollback", "haibun rollback v21"))
def rollback(ctx: Context) -> None:
    """Make a new release of an old one's slug and config vars."""
    newest = _newest(ctx, 50)
    release = _one(ctx, ctx.word(0)) if ctx.words else _candidate(ctx, newest)
    current = next((entry for entry in newest if entry.get("current")), newest[0] if newest else None)
    with screen.Action(f"Rolling back {ctx.label} to v{release['version']}") as step:
        made = ctx.api.post(f"{ctx.app_path}/releases", {"release": release["id"]})
        step.done(f"v{made['version']}")
    screen.warning("Rollback affects code and config vars; it doesn't add or remove addons.")
    if current:
        screen.warning(f"To undo, run: haibun rollback v{current['version']}")
    if made.get("output_stream_url"):
        screen.out("Running release command...")
        print_stream(ctx, made["output_stream_url"])


def _candidate(ctx: Context, newest: list[dict[str, Any]]) -> dict[str, Any]:
    """The newest release with a slug that worked and is not the current one."""
    current = next((release["version"] for release in newest if release.get("current")), None)
    for release in newest:
        older = current is None or release["version"] < current
        if older and release["status"] == "succeeded" and release.get("slug"):
            return release
    raise CliError(f"No eligible release found for {ctx.label} to roll back to.")
