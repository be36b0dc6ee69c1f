"""What can go wrong between a client and a platform, as sentences for the reader.

ClientError                 exit code 1
|- ApiError                 the platform said no: Heroku's error id, message, HTTP status; exit code 2
|- NotLoggedIn              no token, or one the platform refuses; exit code 100
`- Unreachable              nobody answers at that address, or not over a trusted connection; exit code 1
"""

from __future__ import annotations

from haibun.core.errors import HaibunError


class ClientError(HaibunError):
    """Root of what a client reports to its user; `exit_code` is for the command line."""

    exit_code = 1


class ApiError(ClientError):
    """An answer of the Platform API with a status of 400 or more."""

    exit_code = 2

    def __init__(self, message: str, *, id: str | None, status: int, app: str | None = None) -> None:
        super().__init__(message)
        self.id = id
        self.status = status
        self.app = app


class NotLoggedIn(ClientError):
    """There is no token for this platform, or it is refused."""

    exit_code = 100


class Unreachable(ClientError):
    """The platform does not answer."""
