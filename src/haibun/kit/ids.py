"""Identities: uuids for rows, random secrets for tokens."""

from __future__ import annotations

import re
import secrets
import uuid

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """A random uuid, as text."""
    return str(uuid.uuid4())


def new_token(prefix: str = "HRKU-") -> str:
    """A secret of 256 bits; the prefix lets leak scanners and readers tell what it is."""
    return prefix + secrets.token_urlsafe(32)


def is_id(text: str) -> bool:
    """Whether the text is a uuid as new_id() makes them."""
    return UUID.fullmatch(text) is not None
