"""The tree of errors. Nothing else is raised on purpose.

HaibunError
|- Refused            the user can mend it: Heroku error id, message, HTTP status
|  `- NotFound        also what one may not see
|- Temporary(after)   the world may recover; the loop looks again after so many seconds
|- Final(code)        it will not; written to status, said in the app's log
`- Stale              the row moved on: drop the snapshot, look again
"""

from __future__ import annotations


class HaibunError(Exception):
    """Root of every error that Haibun raises on purpose."""


class Refused(HaibunError):
    """The request cannot be done as asked, and the user can mend it.

    `id` is Heroku's error id (snake_case), `status` the HTTP status, the message a sentence for the reader.
    """

    def __init__(self, message: str, *, id: str = "invalid_params", status: int = 422) -> None:
        super().__init__(message)
        self.message = message
        self.id = id
        self.status = status


class NotFound(Refused):
    """There is no such thing, or the caller may not know that there is (Heroku: `Couldn't find that app.`)."""

    def __init__(self, noun: str) -> None:
        super().__init__(f"Couldn't find that {noun}.", id="not_found", status=404)
        self.noun = noun


class Unauthorized(Refused):
    """No token, or one that is unknown, revoked or expired."""

    def __init__(self, message: str = "Invalid credentials provided.") -> None:
        super().__init__(message, id="unauthorized", status=401)


class Temporary(HaibunError):
    """The world may recover; look again in `after_seconds`."""

    def __init__(self, message: str, *, after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Final(HaibunError):
    """It will not get better by itself. `code` is an H/R/L code or a word for status."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Stale(HaibunError):
    """The row moved on since it was read."""
