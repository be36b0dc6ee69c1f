"""Who may call: access levels of routes, and reading credentials from a request. Never looks at an app."""

from __future__ import annotations

import base64
import binascii
from enum import Enum

from haibun.control import authorizations
from haibun.control.context import Actor, Control
from haibun.control.gate import require_scope
from haibun.core.errors import Refused, Unauthorized


class Access(Enum):
    """What a caller must be allowed, said of each route. The words are those of control's gate."""

    PUBLIC = "public"  # anybody; the address itself may be the secret
    IDENTITY = "identity"  # who am I, and what the platform offers
    VIEW = "view"  # read an app
    SECRETS = "secrets"  # read config vars
    CHANGE_SECRETS = "change_secrets"  # write config vars
    OPERATE = "operate"  # change an app
    OWN = "own"  # what only the app's owner may
    ACCOUNT = "account"  # the caller's own account and tokens
    ADMIN = "admin"  # the platform's users


NOBODY = Actor("", "", scope=())


def authenticate(control: Control, header: str | None, *, passwords: bool) -> Actor:
    """The actor of an Authorization header: Bearer, or Basic with the token as password.

    `passwords`: Basic may also carry e-mail and password. Unauthorized if it names nobody.
    """
    kind, _, value = (header or "").partition(" ")
    if kind.lower() == "bearer":
        return authorizations.authenticate(control, value.strip())
    if kind.lower() != "basic":
        raise Unauthorized
    user, password = _basic(value)
    if passwords and "@" in user:
        return authorizations.check_password(control, user, password)
    return authorizations.authenticate(control, password)


def check(actor: Actor, access: Access) -> None:
    """Refused if the actor's token, or the actor, does not reach so far. Apps are the gate's business."""
    if access is Access.ADMIN:
        require_scope(actor, "account")
        if not actor.is_admin:
            raise Refused("Only an admin of this platform may do that.", id="forbidden", status=403)
    elif access is not Access.PUBLIC:
        require_scope(actor, access.value)


def email_of(header: str | None) -> str | None:
    """The e-mail that a Basic header claims, for counting wrong guesses."""
    kind, _, value = (header or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return _basic(value)[0].lower() or None
    except Unauthorized:
        return None


def _basic(value: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Unauthorized from None
    if "\0" in user:  # no e-mail, and nothing that PostgreSQL would take
        raise Unauthorized
    return user, password
