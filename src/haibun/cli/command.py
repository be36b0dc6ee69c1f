"""What a command is: its arguments and flags, and the context that its function gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from haibun.cli import screen
from haibun.cli.errors import CliError, Misused
from haibun.cli.flags import Flag, Parsed, check_words, parse
from haibun.cli.target import Target
from haibun.client.hosts import Host

if TYPE_CHECKING:
    from haibun.client.http import Api

APP = Flag("app", "app to run command against", "APP", "a")
REMOTE = Flag("remote", "git remote of app to use", "REMOTE", "r")
HOST = Flag("host", "address of the Haibun server [env: HAIBUN_HOST]", "URL")
HELP = Flag("help", "show help", None, "h")
JSON = Flag("json", "output in json format")
CONFIRM = Flag("confirm", "pass in the app name to skip confirmation prompts", "APP", "c")


class Command(NamedTuple):
    """A command as its topic declares it. `details` and `examples` are for the help."""

    function: Callable[[Context], int | None]
    arguments: tuple[str, ...]
    flags: tuple[Flag, ...]
    passes_on: bool
    details: str
    examples: tuple[str, ...]

    def run(self, name: str, argv: Sequence[str]) -> int:
        """Parse and do; the exit code."""
        parsed = parse(argv, (*self.flags, HELP), passes_on=self.passes_on)
        if not self.passes_on:
            check_words(parsed.words, self.arguments)
        return self.function(Context(name, parsed)) or 0


def command(
    *arguments: str,
    flags: Sequence[Flag] = (),
    app: bool = True,
    passes_on: bool = False,
    details: str = "",
    examples: Sequence[str] = (),
) -> Callable[[Callable[[Context], int | None]], Command]:
    """Declare a command. `app`: it is about one app, so it takes --app and --remote."""
    usual = (APP, REMOTE, HOST) if app else (HOST,)
    own = tuple(flags)

    def declare(function: Callable[[Context], int | None]) -> Command:
        every = own + tuple(flag for flag in usual if flag.name not in {known.name for known in own})
        return Command(function, arguments, every, passes_on, details, tuple(examples))

    return declare


class Context:
    """One invocation: what was typed, and the platform and app it is about, looked up when asked for."""

    def __init__(self, name: str, parsed: Parsed) -> None:
        self.name = name
        self.words = parsed.words
        self._flags = parsed.flags

    def flag(self, name: str) -> str | None:
        """The last value of a flag."""
        values = self._flags.get(name)
        return values[-1] if values else None

    def flag_list(self, name: str) -> list[str]:
        """All values of a flag."""
        return self._flags.get(name, [])

    def flag_number(self, name: str, default: int) -> int:
        """A flag that counts. Misused if it is no positive number."""
        text = self.flag(name)
        if text is None:
            return default
        if not text.isdecimal() or int(text) < 1:
            raise Misused(f"Flag --{name} expects a number of 1 or more, not {text}.")
        return int(text)

    def on(self, name: str) -> bool:
        """Whether a switch was given."""
        return name in self._flags

    def word(self, index: int) -> str | None:
        """An argument, None if it was not given."""
        return self.words[index] if index < len(self.words) else None

    @cached_property
    def target(self) -> Target:
        """Where this goes."""
        return Target(host=self.flag("host"), app=self.flag("app"), remote=self.flag("remote"))

    @cached_property
    def host(self) -> Host:
        """The platform."""
        return self.target.host

    @cached_property
    def app(self) -> str:
        """The app's name."""
        return self.target.app

    @property
    def label(self) -> str:
        """The app's name for progress on stderr."""
        import sys

        return screen.app_label(self.app, sys.stderr)

    @cached_property
    def api(self) -> Api:
        """The platform's API, as the user."""
        from haibun.client.http import Api

        return Api(self.host, self.target.token, warn=screen.warning)

    @property
    def app_path(self) -> str:
        """Path of the app in the API."""
        from haibun.client.http import segment

        return f"/apps/{segment(self.app)}"

    def confirm(self, app: str, consequence: str) -> None:
        """Go on only if the user says the app's name, by --confirm or at the prompt."""
        given = self.flag("confirm")
        if given is None:
            given = ask_for_name(app, consequence)
        if given != app:
            raise CliError(f"Confirmation {given} did not match {app}. Aborted.")

    def usage(self, text: str) -> NoReturn:
        """Stop with how this command is used."""
        raise CliError(text)


def ask_for_name(app: str, consequence: str) -> str:
    """What the user types when warned. CliError if nobody is there to ask."""
    import sys

    screen.warning(f"Destructive Action\n{consequence}")
    hint = f"To proceed, type {app} or re-run this command with --confirm {app}"
    if not sys.stdin.isatty():
        raise CliError(hint)
    screen.note(hint)
    sys.stderr.write("> ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()
