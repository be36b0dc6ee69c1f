"""JSON bodies to typed values; refusals name the field. Knows no noun."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from haibun.core.errors import Refused

LARGEST_BODY = 1024 * 1024
MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`(?: - at `\$(?P<path>.*)`)?")
WRONG = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)


def decode(raw: bytes, content_type: str | None, kind: Any) -> Any:
    """The body as `kind`. Refused: 400 if it is not JSON, 422 if a field is missing or of a wrong kind."""
    if raw and content_type and "json" not in content_type.lower():
        raise Refused(
            f"The body is {content_type[:60]}. Send JSON, with the header `Content-Type: application/json`.",
            id="bad_request",
            status=400,
        )
    try:
        value = msgspec.json.decode(raw) if raw.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"The body is not JSON: {error}.", id="bad_request", status=400) from None
    if _has_nul(value):
        raise Refused("A text in the body has a NUL character. Take it out.")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Refused(explain(str(error))) from None


def explain(text: str) -> str:
    """msgspec's message, as one about the field."""
    if match := MISSING.fullmatch(text):
        path = (match["path"] or "").lstrip(".")
        return f"{path + '.' if path else ''}{match['field']} is required."
    match = WRONG.fullmatch(text)
    what, path = (match["what"], match["path"]) if match else (text, None)
    what = what.replace("`", "").replace("`null`", "null")
    return f"{path}: {what}." if path else f"The body: {what}."


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))
