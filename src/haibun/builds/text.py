"""What a pusher reads around the buildpacks' own output, in Heroku's shape. Pure."""

from __future__ import annotations

SLUG_LIMIT_BYTES = 500 * 1024 * 1024
SLUG_WARNING_BYTES = 300 * 1024 * 1024
PUSH_FAILED = " !     Push failed\n"

# Exit codes of buildpacks/build after which it has already said what is wrong.
SAID = frozenset({20, 21, 22, 23, 24, 25})


def size(number_of_bytes: int) -> str:
    """`43.4M`, as Heroku writes slug sizes."""
    return f"{number_of_bytes / 1024 / 1024:.1f}M"


def compressing() -> str:
    return "-----> Compressing...\n"


def compressed(number_of_bytes: int) -> str:
    return f"       Done: {size(number_of_bytes)}\n"


def too_large(number_of_bytes: int) -> str:
    return (
        f" !     Compiled slug size: {size(number_of_bytes)} is too large (max is 500M).\n"
        " !     Leave out what the app does not need when it runs: list it in .slugignore.\n" + PUSH_FAILED
    )


def launched(version: int, url: str, number_of_bytes: int, *, phase: bool) -> str:
    """From `-----> Launching...` to the address. phase: a release command has to succeed first."""
    lines = ["-----> Launching..."]
    if number_of_bytes > SLUG_WARNING_BYTES:
        lines.append(
            f" !     Warning: Your slug size ({number_of_bytes // 1024 // 1024} MB) exceeds our soft limit "
            "(300 MB) which may affect boot time."
        )
    if phase:
        lines.append(
            " !     Release command declared: this new release will not be available until the command succeeds."
        )
    lines += [f"       Released v{version}", f"       {url} deployed to Haibun", ""]
    return "\n".join(lines)


def ended(exit_code: int | None, *, out_of_time: bool) -> str:
    """Why a build that did not speak for itself failed."""
    if out_of_time:
        why = "The build took longer than 15 minutes and was stopped."
    elif exit_code == 137:
        why = "The build was killed: it needed more memory than a build may have (2.5 GB)."
    elif exit_code in SAID:
        return ""
    else:
        why = f"The build ended unexpectedly with status {exit_code}. Push again; tell your operator if it stays."
    return f"\n !     {why}\n !\n{PUSH_FAILED}"


def broken(reason: str) -> str:
    """The platform, not the app, is at fault."""
    return f"\n !     The platform could not finish the build: {reason}\n !\n{PUSH_FAILED}"
