"""`haibun help`: what there is to say, from the table of commands and their declarations."""

from __future__ import annotations

from haibun.cli import screen
from haibun.cli.command import HELP, Command, Context, command
from haibun.cli.commands import ALIASES, COMMANDS, PLATFORM, TOPICS, full_name
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag

GLOBAL = ("app", "remote", "host", "help")


@command("[COMMAND]", app=False, examples=("haibun help", "haibun help ps", "haibun help ps:scale"))
def show(ctx: Context) -> int:
    """All topics, a topic, or a command."""
    word = ctx.word(0)
    if word is None:
        _everything()
        return 0
    name = full_name(word)
    if name is None and word not in TOPICS:
        raise CliError(f"Command {word} not found. Run haibun help for a list of available commands.", 127)
    if name:
        _command(word, name)
    _topic(name or word)
    return 0


def _everything() -> None:
    screen.out("Heroku on your own machines")
    _section("USAGE")
    screen.out("  $ haibun COMMAND [ARGUMENTS] [FLAGS]")
    _section("PLATFORM")
    _list([(name, COMMANDS[name][2]) for name in PLATFORM])
    _section("TOPICS")
    _list(list(TOPICS.items()))
    _section("FIRST STEPS")
    _list(
        [
            ("create", "create a new app"),
            ("git push haibun main", "deploy"),
            ("open", "see it"),
            ("logs --tail", ""),
        ]
    )
    screen.out("\nMore: haibun help TOPIC, haibun help COMMAND")


def _topic(name: str) -> None:
    below = [(entry, COMMANDS[entry][2]) for entry in COMMANDS if entry.startswith(f"{name}:")]
    if below:
        _section("COMMANDS")
        _list(below)


def _command(typed: str, name: str) -> None:
    module, function, summary = COMMANDS[name]
    screen.out(summary)
    _section("USAGE")
    if module is None:
        screen.out(f"  $ haibun {name} [FLAGS]\n\nIts flags: haibun {name} --help")
        return
    from importlib import import_module

    found: Command = getattr(import_module(f"haibun.cli.{module}"), function)
    screen.out("  " + " ".join(["$ haibun", typed, *found.arguments, *map(_short, found.flags)]))
    every = (*found.flags, HELP)
    for title, flags in (
        ("FLAGS", [flag for flag in every if flag.name not in GLOBAL]),
        ("GLOBAL FLAGS", [flag for flag in every if flag.name in GLOBAL]),
    ):
        if flags:
            _section(title)
            _list([(_long(flag), flag.help) for flag in flags])
    if found.details:
        _section("DESCRIPTION")
        screen.out("  " + found.details.replace("\n", "\n  "))
    if aliases := sorted({name, *(alias for alias, target in ALIASES.items() if target == name)} - {typed}):
        _section("ALIASES")
        _list([(f"haibun {alias}", "") for alias in aliases])
    if found.examples:
        _section("EXAMPLES")
        _list([(f"$ {example}", "") for example in found.examples])


def _short(flag: Flag) -> str:
    start = f"-{flag.short}" if flag.short else f"--{flag.name}"
    return f"[{start} {flag.value}]" if flag.value else f"[{start}]"


def _long(flag: Flag) -> str:
    start = f"-{flag.short}, " if flag.short else "    "
    return f"{start}--{flag.name}" + (f"={flag.value}" if flag.value else "")


def _section(title: str) -> None:
    screen.out("\n" + screen.paint(title, screen.BOLD))


def _list(rows: list[tuple[str, str]]) -> None:
    wide = max(len(name) for name, _ in rows)
    for name, text in rows:
        screen.out(f"  {name.ljust(wide)}  {text}".rstrip())


@command(app=False)
def version(_: Context) -> None:
    """Print the version. Normally reached by the shorter way in main."""
    from haibun.cli.main import main

    main(["version"])
