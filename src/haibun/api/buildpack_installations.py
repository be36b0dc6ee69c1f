"""Buildpacks of an app, and the few that the registry of this platform knows."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from haibun.api.call import Call
from haibun.api.fixed import fixed_id
from haibun.control import buildpacks as verbs
from haibun.core.errors import NotFound

# The stock CLI sends the registry's blob where a person said `heroku/python`.
REGISTRY_BLOB = re.compile(r"https://buildpack-registry\.[^/]+/buildpacks/([a-z0-9-]+/[a-z0-9_.-]+)\.tgz")
BUILT_IN = re.compile(r"(?:urn:buildpack:)?(heroku/[a-z0-9_.-]+)")


class Wanted(msgspec.Struct):
    buildpack: str | None = None


class Update(msgspec.Struct):
    updates: list[Wanted]


def listed(call: Call) -> list[dict[str, Any]]:
    return _shapes(verbs.read(call.control, call.actor, call.params["app"]))


def update(call: Call) -> list[dict[str, Any]]:
    """Set the whole list. An entry without a buildpack is none: the CLI clears with one."""
    urls = [_reference(item.buildpack) for item in call.body.updates if item.buildpack]
    return _shapes(verbs.replace(call.control, call.actor, call.params["app"], urls))


def registry_info(call: Call) -> dict[str, Any]:
    """What the CLI asks to turn a name into an address: here the name is the address."""
    match = BUILT_IN.fullmatch(call.params["buildpack"])
    if match is None:
        raise NotFound("buildpack")
    namespace, _, name = match[1].partition("/")
    return {
        "blob_url": match[1],
        "category": "languages",
        "description": f"{name}, as this platform builds it",
        "id": fixed_id("buildpack", match[1]),
        "name": name,
        "namespace": namespace,
        "source": {"owner": namespace, "repo": name, "type": "built-in"},
        "support": {"address": "", "method": "none"},
    }


def _reference(text: str) -> str:
    match = REGISTRY_BLOB.fullmatch(text)
    return match[1] if match else text


def _shapes(urls: list[str]) -> list[dict[str, Any]]:
    return [{"buildpack": {"name": url, "url": url}, "ordinal": ordinal} for ordinal, url in enumerate(urls)]
