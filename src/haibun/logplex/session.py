"""What a log session's token says. Pure but for the key."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from haibun.logplex.channel import RING
from haibun.logplex.channels import APP_ID
from haibun.logplex.tail import Wanted
from haibun.wire.sealed import Sealer


class Claims(msgspec.Struct):
    """The sealed value. `exp`: unix seconds until which reading may begin."""

    app: str
    exp: float
    lines: int | None = 100
    tail: bool = False
    source: str | None = None
    dyno: str | None = None


@dataclass(frozen=True)
class Session:
    """An opened token."""

    token: str
    app_id: str
    lines: int
    tail: bool
    wanted: Wanted
    expires_at: float

    @classmethod
    def open(cls, token: str, sealer: Sealer) -> Session | None:
        """None if the token is not of this platform or says nonsense."""
        try:
            claims = msgspec.convert(sealer.open(token), Claims)
        except (ValueError, msgspec.ValidationError):
            return None
        if not APP_ID.fullmatch(claims.app):
            return None
        lines = min(max(100 if claims.lines is None else claims.lines, 0), RING)
        wanted = Wanted(claims.source or None, claims.dyno or None)
        return cls(token, claims.app, lines, claims.tail, wanted, claims.exp)
