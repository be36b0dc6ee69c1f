"""What a command says when it cannot go on, and with which exit code."""

from __future__ import annotations

from haibun.client.errors import ClientError


class CliError(ClientError):
    """The command cannot be done as asked; exit code 1 unless said otherwise."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Misused(CliError):
    """Flags or arguments that the command does not take; exit code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 2)
