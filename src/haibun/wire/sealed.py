"""Sealed values: bytes to tokens that only holders of the platform's key can read or make (Fernet)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken


class Sealer:
    """Seals and opens small values with the platform's master key (any bytes, 32 or more)."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key).digest()))

    def seal(self, value: Any) -> str:
        """JSON-able value -> url-safe token."""
        return self._fernet.encrypt(json.dumps(value, separators=(",", ":")).encode()).decode()

    def open(self, token: str) -> Any:
        """Token -> value. ValueError if it was not made with this key."""
        try:
            return json.loads(self._fernet.decrypt(token.encode()))
        except (InvalidToken, UnicodeEncodeError) as error:
            raise ValueError("not a sealed value of this platform") from error
