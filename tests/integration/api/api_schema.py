"""Heroku's published JSON schema of the Platform API, from the folder that HAIBUN_SPEC_DIR names; it is not ours.

A checker of the few JSON schema words that it uses. Without the folder there is nothing to hold answers against.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

KINDS: dict[str, Any] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": (int, float),
    "object": dict,
    "string": str,
}
FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}
# Where Haibun cannot say what the schema says, with the reason.
DIFFERENT = {
    ".generation": "the stock CLI reads generation.name",
    ".git_url": "the schema wants Heroku's own host",
    ".web_url": "the schema wants Heroku's own host",
    ".provider.region": "the schema wants one of Amazon's regions",
}


def spec_dir() -> Path | None:
    folder = os.environ.get("HAIBUN_SPEC_DIR")
    return Path(folder) if folder else None


@cache
def schema() -> dict[str, Any] | None:
    folder = spec_dir()
    return json.loads((folder / "platform-api-schema.json").read_text()) if folder else None


def links() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path with {} for parameters, link) of all links."""
    for definition in (schema() or {"definitions": {}})["definitions"].values():
        for link in definition.get("links", []):
            yield link["method"], re.sub(r"\{[^}]*\}", "{}", unquote(link["href"])), link


def complaints(method: str, path: str, value: Any) -> list[str]:
    """What the schema has against this value as the answer of the call; nothing if it does not know the call."""
    path = path.partition("?")[0]
    for asked, pattern, link in links():
        parts = re.escape(pattern).replace(r"\{\}", "[^/]+")
        if asked == method and "targetSchema" in link and re.fullmatch(parts, path):
            return [
                text for text in _check(link["targetSchema"], value, "") if text.partition(":")[0] not in DIFFERENT
            ]
    return []


def _check(rule: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    while "$ref" in rule:
        rule = _follow(rule["$ref"])
    if (choices := rule.get("anyOf") or rule.get("oneOf")) and all(
        any(_check(each, value, at)) for each in choices
    ):
        yield f"{at}: {value!r} is none of the choices"
    kinds = rule.get("type")
    if kinds is not None and not any(_is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{at}: {value!r} is not {kinds}"
    elif isinstance(value, dict):
        yield from _check_object(rule, value, at)
    elif isinstance(value, list):
        for item in value:
            yield from _check(rule.get("items", {}), item, at)
    elif isinstance(value, str):
        if (pattern := FORMATS.get(rule.get("format", ""))) and not pattern.fullmatch(value):
            yield f"{at}: {value!r} is no {rule['format']}"
        if "pattern" in rule and not re.search(rule["pattern"], value):
            yield f"{at}: {value!r} does not match"
        if "enum" in rule and value not in rule["enum"]:
            yield f"{at}: {value!r} is none of {rule['enum']}"


def _check_object(rule: dict[str, Any], value: dict[str, Any], at: str) -> Iterator[str]:
    for name in rule.get("required", []):
        if name not in value:
            yield f"{at}: {name} is missing"
    for name, below in rule.get("properties", {}).items():
        if name in value:
            yield from _check(below, value[name], f"{at}.{name}")
    patterns = rule.get("patternProperties", {})
    if rule.get("additionalProperties") is False and "properties" not in rule:
        for name, item in value.items():
            rules = [below for pattern, below in patterns.items() if re.search(pattern, name)]
            if not rules:
                yield f"{at}: {name} should not be there"
            for below in rules:
                yield from _check(below, item, f"{at}.{name}")


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, KINDS[kind])


def _follow(ref: str) -> dict[str, Any]:
    found: Any = schema()
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
