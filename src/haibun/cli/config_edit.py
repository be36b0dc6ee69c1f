"""`haibun config:edit`: config vars as a file in the user's editor, then what changed as one release."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile

from haibun.cli import screen
from haibun.cli.command import Context, command
from haibun.cli.config import newest_release
from haibun.cli.errors import CliError


@command("[KEY]", examples=("haibun config:edit", "haibun config:edit KEY"))
def edit(ctx: Context) -> None:
    """Edit all config vars as `KEY='value'` lines, or one value as it is."""
    config: dict[str, str] = ctx.api.get(f"{ctx.app_path}/config-vars")
    key = ctx.word(0)
    if key:
        text = _edited(config.get(key, "") + "\n", key).removesuffix("\n")
        wanted = {**config, key: text} if text else {name: config[name] for name in config if name != key}
    else:
        wanted = read(_edited(write(config), ctx.app))
    changes = difference(config, wanted)
    if not changes:
        screen.note("No changes.")
        return
    _show(config, changes)
    sys.stderr.write(f"Update config on {ctx.label} with these values? (y/N) ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CliError("Aborted, nothing was changed.")
    with screen.Action(f"Updating config of {ctx.label}") as step:
        ctx.api.patch(f"{ctx.app_path}/config-vars", changes)
        step.done(newest_release(ctx))


def write(config: dict[str, str]) -> str:
    """The file: values quoted as in a shell, so that any of them can be read back."""
    return "".join(f"{key}={shlex.quote(value)}\n" for key, value in config.items())


def read(text: str) -> dict[str, str]:
    """The config vars in an edited file. CliError if a line is none."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        raise CliError(f"The file cannot be read: {error}. Nothing was changed.") from error
    config: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise CliError(f"{word} is invalid. Must be in the format FOO='bar'. Nothing was changed.")
        config[key] = value
    return config


def difference(old: dict[str, str], new: dict[str, str]) -> dict[str, str | None]:
    """The PATCH that makes `new` of `old`."""
    changed: dict[str, str | None] = {key: value for key, value in new.items() if old.get(key) != value}
    return changed | {key: None for key in old if key not in new}


def _edited(text: str, name: str) -> str:
    """What the user makes of `text`. Only the user can read the file, and it is gone afterwards."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.NamedTemporaryFile("w+", prefix=f"{os.path.basename(name)}-config-", suffix=".sh") as file:
        file.write(text)
        file.flush()
        try:
            subprocess.run([*editor, file.name], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise CliError(
                f"The editor failed: {error}. Nothing was changed. $EDITOR says which to use."
            ) from error
        with open(file.name, encoding="utf-8") as edited:
            return edited.read()


def _show(old: dict[str, str], changes: dict[str, str | None]) -> None:
    screen.note("Config Diff:")
    for key, value in changes.items():
        if key in old:
            screen.note(screen.paint(f"- {key}={shlex.quote(old[key])}", screen.RED, sys.stderr))
        if value is not None:
            screen.note(screen.paint(f"+ {key}={shlex.quote(value)}", screen.GREEN, sys.stderr))
