"""`haibun local`: the app of this folder on this machine, its Procfile and `.env` as Heroku's CLI reads them.

It asks no platform anything.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from haibun.cli import local_env, screen
from haibun.cli.command import Context, command
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag
from haibun.core import procfile

ENV = Flag("env", "location of env file, or several with commas between (default .env)", "FILE", "e")
PORT = Flag("port", "port to listen on (default 5006; each process type has one 100 higher)", "PORT", "p")
FIRST_PORT, PORTS_PER_TYPE = 5006, 100


class Wanted(NamedTuple):
    """So many processes of a type."""

    type: str
    quantity: int


@command(
    "[TYPES]",
    flags=(
        ENV,
        PORT,
        Flag("procfile", "use a different Procfile", "FILE", "f"),
        Flag("start-cmd", "command to run as web when no Procfile is present", "COMMAND"),
    ),
    app=False,
    details="All process types but release, or those that TYPES names. All end when one does, or on Ctrl-C.",
    examples=("haibun local", "haibun local web", "haibun local web=1,worker=2", "haibun local -e .env,.env.test"),
)
def start(ctx: Context) -> int:
    """Run the process types of the Procfile."""
    types = _types(ctx)
    wanted = _wanted(ctx.word(0), types)
    values = _environment(ctx)
    port = _port(ctx.flag("port") or values.get("PORT") or os.environ.get("PORT") or str(FIRST_PORT))
    from haibun.cli.local_processes import Group, Process

    processes = [
        Process(
            f"{entry.type}.{number}",
            types[entry.type],
            {
                "FOREMAN_WORKER_NAME": f"{entry.type}.{number}",
                **os.environ,
                **values,
                "PORT": str(port + place * PORTS_PER_TYPE + number - 1),
            },
        )
        for place, entry in enumerate(wanted)
        for number in range(1, entry.quantity + 1)
    ]
    widest = max(len(entry.type) + len(str(entry.quantity)) for entry in wanted)
    return Group(processes, widest + len("12:00:00 PM ")).run()


@command(
    "COMMAND...",
    flags=(ENV, PORT),
    app=False,
    passes_on=True,
    details="The exit code is that of COMMAND. After -- all flags are COMMAND's own.",
    examples=("haibun local:run bin/migrate", "haibun local:run -e .env.test -- python manage.py test"),
)
def run(ctx: Context) -> int:
    """Become a command that has the variables of `.env`."""
    if not ctx.words:
        ctx.usage("Usage: haibun local:run COMMAND\nMust specify command to run.")
    env = {**os.environ, **_environment(ctx)}
    if ctx.flag("port"):
        env["PORT"] = str(_port(ctx.flag("port") or ""))
    import sys

    sys.stdout.flush()
    try:
        os.execvpe(ctx.words[0], ctx.words, env)  # noqa: S606 - no shell is what we want
    except FileNotFoundError:
        raise CliError(f"{ctx.words[0]}: command not found.", 127) from None
    except OSError as error:
        raise CliError(f"Cannot run {ctx.words[0]}: {error.strerror}.", 126) from error


def _types(ctx: Context) -> dict[str, str]:
    """Process type -> command."""
    path, given = ctx.flag("procfile") or "Procfile", ctx.flag("start-cmd")
    if not os.path.isfile(path):
        if given and not ctx.word(0):
            return {"web": given}
        raise CliError(
            f"No {path} found.\nAdd a Procfile to add process types, a line each such as:\n"
            "  web: python -m http.server $PORT\nOr specify a start command with --start-cmd."
        )
    if given:
        screen.warning(f"The specified start command, {given}, is being ignored: there is a {path}.")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            types = procfile.parse(file.read())
    except OSError as error:
        raise CliError(f"Cannot read {path}: {error.strerror}.") from error
    if not types:
        raise CliError(f"{path} declares no process type. It has a line for each, such as web: ./serve")
    return types


def _wanted(text: str | None, types: dict[str, str]) -> list[Wanted]:
    """What to start, in order: `web,worker=2`, or one of each type without a word."""
    if not text:
        found = [Wanted(name, 1) for name in types if name != "release"]
    else:
        found = [_one(part.strip(), types) for part in text.split(",") if part.strip()]
    if not any(entry.quantity for entry in found):
        raise CliError("There is nothing to start: no process type is left, or each is wanted 0 times.")
    if len({entry.type for entry in found}) < len(found):
        raise CliError(f"{text} names a process type twice. Say how many with web=2.")
    return found


def _one(text: str, types: dict[str, str]) -> Wanted:
    name, equals, quantity = text.partition("=")
    if name not in types:
        raise CliError(f"There is no process type {name} in the Procfile. It has {', '.join(types)}.")
    if equals and not (quantity.isascii() and quantity.isdecimal() and int(quantity) < PORTS_PER_TYPE):
        raise CliError(f"{text}: say how many with a number from 0 to {PORTS_PER_TYPE - 1}, as in {name}=2.")
    return Wanted(name, int(quantity) if equals else 1)


def _environment(ctx: Context) -> dict[str, str]:
    """The variables of the env files; a later file wins over those before it."""
    values: dict[str, str] = {}
    for path in (ctx.flag("env") or ".env").split(","):
        if os.path.isdir(path):
            screen.warning(f"The specified location for the env file, {path}, is not a file, ignoring.")
        elif found := local_env.read(path):
            values |= found[0]
            screen.out(screen.paint(f"[OKAY] Loaded ENV {path} File as {found[1]} Format", screen.GREEN))
        elif ctx.flag("env"):
            raise CliError(f"There is no env file {path}.")
    return values


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise CliError(f"{text} is not a port. Use a number from 1024 to 65535.")
    return int(text)
