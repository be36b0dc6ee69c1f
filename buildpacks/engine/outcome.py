"""How a build ends: the exit codes, one table, and the exception that carries one of them."""

from __future__ import annotations

from enum import IntEnum

from kit import say


class Exit(IntEnum):
    """Exit codes of `build`. 1 and 2 are left to the interpreter: with them the builder itself broke."""

    OK = 0
    NOTHING_DETECTED = 20
    NOT_COMPATIBLE = 21
    COMPILE_FAILED = 22
    RELEASE_FAILED = 23
    SOURCE_UNUSABLE = 24
    BAD_REFERENCE = 25


class Rejected(Exception):
    """The push ends here. `lines` go out as ` !     …`; the caller has said the details already."""

    def __init__(self, code: Exit, *lines: str) -> None:
        super().__init__(lines[0] if lines else code.name)
        self.code = code
        self.lines = lines

    def show(self) -> None:
        """The reason, a blank line, ` !     Push failed`."""
        if self.lines:
            say.problem(self.lines)
            say.line()
        say.problem(["Push failed"])
