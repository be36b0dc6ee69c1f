"""`haibun buildpacks`: which buildpacks the next build uses, in which order."""

from __future__ import annotations

from haibun.cli import screen
from haibun.cli.command import Context, command
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag

INDEX = Flag("index", "the 1-based index of the buildpack in the list", "INDEX", "i")


@command()
def show(ctx: Context) -> None:
    """The buildpacks in their order."""
    names = _get(ctx)
    label = screen.app_label(ctx.app)
    if not names:
        screen.out(f"{label} has no Buildpacks.")
        return
    screen.heading(f"{label} Classic Buildpack{'s' if len(names) > 1 else ''}")
    for line in names if len(names) == 1 else _numbered(names, ""):
        screen.out(line)


@command("BUILDPACK", flags=(INDEX,), examples=("haibun buildpacks:set heroku/python",))
def choose(ctx: Context) -> None:
    """Replace the only buildpack, or that at --index."""
    names, wanted = _get(ctx), ctx.words[0]
    place = ctx.flag_number("index", 1) - 1
    if wanted in names and names.index(wanted) != place:
        raise CliError(f"The buildpack {wanted} is already set on your app.")
    names[place : place + 1] = [wanted]
    _say(ctx, _put(ctx, names), "set")


@command("BUILDPACK", flags=(INDEX,), examples=("haibun buildpacks:add --index 1 heroku/nodejs",))
def add(ctx: Context) -> None:
    """Put a buildpack at the end, or before that at --index."""
    names, wanted = _get(ctx), ctx.words[0]
    if wanted in names:
        raise CliError(f"The buildpack {wanted} is already set on your app.")
    names.insert(ctx.flag_number("index", len(names) + 1) - 1, wanted)
    _say(ctx, _put(ctx, names), "added")


@command("[BUILDPACK]", flags=(INDEX,), examples=("haibun buildpacks:remove --index 1",))
def remove(ctx: Context) -> None:
    """Take a buildpack away, by name or --index."""
    names, unwanted = _get(ctx), ctx.word(0)
    if not names:
        raise CliError(f"No buildpacks were found. Next release on {ctx.label} will detect buildpacks normally.")
    if unwanted is None and not ctx.on("index"):
        raise CliError("Please choose either index or Buildpack URL, but not none.")
    if unwanted is None:
        place = ctx.flag_number("index", 1) - 1
        if place >= len(names):
            raise CliError(f"Invalid index. Please choose a value between 1 and {len(names)}")
        del names[place]
    elif unwanted in names:
        names.remove(unwanted)
    else:
        raise CliError("Buildpack not found. Nothing was removed.")
    _say(ctx, _put(ctx, names), "removed")


@command()
def clear(ctx: Context) -> None:
    """Go back to detecting buildpacks."""
    _put(ctx, [])
    label = screen.app_label(ctx.app)
    screen.out(f"Buildpacks cleared. Next release on {label} will detect buildpacks normally.")


def _get(ctx: Context) -> list[str]:
    rows = ctx.api.get_list(f"{ctx.app_path}/buildpack-installations")
    ordered = sorted(rows, key=lambda row: int(row["ordinal"]))
    return [row["buildpack"].get("name") or row["buildpack"]["url"] for row in ordered]


def _put(ctx: Context, names: list[str]) -> list[str]:
    body = {"updates": [{"buildpack": name} for name in names]}
    ctx.api.put(f"{ctx.app_path}/buildpack-installations", body)
    return names


def _numbered(names: list[str], indent: str) -> list[str]:
    return [f"{indent}{index}. {name}" for index, name in enumerate(names, 1)]


def _say(ctx: Context, names: list[str], done: str) -> None:
    label = screen.app_label(ctx.app)
    start = f"Buildpack {done}. Next release on {label} will"
    if not names:
        screen.out(f"{start} detect buildpacks normally.")
        return
    if len(names) == 1:
        screen.out(f"{start} use {names[0]}.")
    else:
        screen.out(f"{start} use:")
        for line in _numbered(names, "  "):
            screen.out(line)
    these = "this buildpack" if len(names) == 1 else "these buildpacks"
    screen.out(f"Run git push haibun main to create a new release using {these}.")
