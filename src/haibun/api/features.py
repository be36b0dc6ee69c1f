"""App features; of an account there are none."""

from __future__ import annotations

from typing import Any

import msgspec

from haibun.api.call import Call
from haibun.api.fixed import SINCE, fixed_id
from haibun.control import features as verbs
from haibun.control.features import CATALOGUE, Feature
from haibun.core.errors import NotFound


class Update(msgspec.Struct):
    enabled: bool


def listed(call: Call) -> list[dict[str, Any]]:
    with call.control.store.read() as conn:
        on = verbs.enabled(conn, call.app(conn).id)
    return [_shape(feature, feature.name in on) for feature in CATALOGUE.values()]


def info(call: Call) -> dict[str, Any]:
    asked = call.params["feature"]
    for feature in listed(call):
        if asked in (feature["name"], feature["id"]):
            return feature
    raise NotFound("feature")


def update(call: Call) -> dict[str, Any]:
    name = info(call)["name"]
    verbs.switch(call.control, call.actor, call.params["app"], name, on=call.body.enabled)
    return info(call)


def no_account_feature(_call: Call) -> dict[str, Any]:
    raise NotFound("feature")


def _shape(feature: Feature, enabled: bool) -> dict[str, Any]:
    return {
        "created_at": SINCE,
        "description": feature.description,
        "display_name": feature.title,
        "doc_url": f"https://devcenter.heroku.com/articles/{feature.name}",
        "enabled": enabled,
        "feedback_email": "",
        "id": fixed_id("feature", feature.name),
        "name": feature.name,
        "state": feature.state,
        "updated_at": SINCE,
    }
