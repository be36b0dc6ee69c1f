"""The entry of the command line: argv to exit code. Imports the one topic that is needed, and that late.

Exit codes are those of Heroku's CLI: 0; 1 it failed; 2 misused, or the API refused; 100 not logged in; 127 no such
command; 130 interrupted. `run` passes on the code of its process.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from haibun.client.errors import ClientError

VERSION_WORDS = ("version", "--version", "-v")
HELP_WORDS = ("--help", "-h")


def main(argv: Sequence[str]) -> int:
    """Run the command that `argv` (without the program's name) says, and say its exit code."""
    words = list(argv)
    if words[:1] == ["git:credentials"]:
        from haibun.cli.git_credentials import main as credentials

        return credentials(words[1:])
    if words and words[0] in VERSION_WORDS and len(words) == 1:
        from haibun.client.version import USER_AGENT

        sys.stdout.write(f"{USER_AGENT.replace('-cli', '')} {sys.platform} python-{sys.version.split()[0]}\n")
        return 0
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (head, less); Python would complain at exit about the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _explain(error)


def _dispatch(words: list[str]) -> int:
    from importlib import import_module

    from haibun.cli.commands import COMMANDS, full_name

    typed, rest = (words[0], words[1:]) if words else ("help", [])
    if typed in HELP_WORDS:
        typed = "help"
    name = full_name(typed)
    if name is None:
        return _unknown(typed, rest)
    before_dashes = rest[: rest.index("--")] if "--" in rest else rest
    wants_help = before_dashes[:1] if name.startswith(("run", "local:run")) else before_dashes
    if any(word in HELP_WORDS for word in wants_help):
        name, rest = "help", [typed]
    module, function, _ = COMMANDS[name]
    if module is None:
        from haibun.cli.errors import CliError

        raise CliError(
            f"haibun {name} works on a machine where the whole of Haibun is installed, not just its client."
        )
    command = getattr(import_module(f"haibun.cli.{module}"), function)
    return int(command.run(name, rest))


def _unknown(typed: str, rest: list[str]) -> int:
    from difflib import get_close_matches

    from haibun.cli import screen
    from haibun.cli.commands import ALIASES, COMMANDS, TOPICS

    if typed in TOPICS:
        # A topic without a command of its own, such as `auth` or `git`.
        from haibun.cli import help

        joined = f"{typed}:{rest[0]}" if rest else ""
        if joined in COMMANDS:
            screen.error(f"Did you mean haibun {joined}?")
            return 127
        return help.show.run("help", [typed])
    screen.warning(f"{typed} is not a haibun command.")
    close = get_close_matches(typed, [*COMMANDS, *ALIASES], n=1, cutoff=0.7)
    guess = f"Did you mean {close[0]}? " if close else ""
    screen.error(f"{guess}Run haibun help for a list of available commands.")
    return 127


def _explain(error: Exception) -> int:
    """Say what happened in a sentence; the exit code. With HAIBUN_DEBUG the traceback comes first."""
    from haibun.cli import screen
    from haibun.client.errors import ClientError

    sys.stdout.flush()
    if os.environ.get("HAIBUN_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, ClientError):
        screen.error(_sentence(error))
        return error.exit_code
    screen.error(
        f"haibun itself failed: {type(error).__name__}: {error}\n"
        "This is a defect of haibun, please report it. HAIBUN_DEBUG=1 shows where it happened."
    )
    return 1


def _sentence(error: ClientError) -> str:
    from haibun.client.errors import ApiError, NotLoggedIn

    if isinstance(error, ApiError):
        extra = [f"Error ID: {error.id}"] if error.id else []
        extra += [f"App: {error.app}"] if error.app else []
        return "\n".join([str(error), "", *extra]) if extra else str(error)
    if isinstance(error, NotLoggedIn):
        if os.environ.get("HAIBUN_API_KEY"):
            return f"The token in HAIBUN_API_KEY is not valid here: {error}\nGet one from: haibun auth:token"
        if str(error) != "not logged in":
            return f"not logged in: {error}\nTo log in again: haibun login -i"
        return "not logged in\nTo log in: haibun login -i, or with a token: haibun login --token"
    return str(error)
