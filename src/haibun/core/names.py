"""Grammars of names, strict: what a user's string must look like before it goes anywhere."""

from __future__ import annotations

import re

from haibun.core.errors import Refused

APP_NAME = re.compile(r"[a-z][a-z0-9-]{1,28}[a-z0-9]")
CONFIG_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PROCESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
RESERVED_APP_NAMES = frozenset({"api", "git", "www", "haibun", "admin", "dashboard", "registry", "id"})
CONFIG_LIMIT_BYTES = 64 * 1024
CONFIG_KEY_LENGTH = 255
"""Builds get config vars as files of that name."""

ADJECTIVES = (
    "ancient autumn bold brave bright calm clear cold cool crimson dawn deep dry early fast fierce floating "
    "fragrant frosty gentle golden green hidden holy icy late lively long lucky misty morning mossy muddy "
    "nameless noble old patient plain polished proud pure quiet rapid restless rough salty secret serene "
    "shady silent silver small snowy solitary sparkling spring still stormy summer swift tender throbbing "
    "tranquil twilight vast wandering warm weathered white wild windy winter wispy young"
).split()
NOUNS = (
    "bay bird bough breeze brook bush butterfly canyon cherry cliff cloud creek darkness dawn dew dream dusk "
    "dust feather fern field fire firefly flower fog forest frog frost garden glade glacier grass harbor hill "
    "island lake leaf meadow mist moon moss mountain night ocean paper path peak pebble pine plain pond rain "
    "reef resonance ridge river sea shadow shape shore sky smoke snow sound spire star stone stream sun "
    "sunset surf thunder tree valley violet voice water waterfall wave wildflower wind wood"
).split()


def check_app_name(name: str) -> str:
    """Return `name` if it may be an app's (Heroku: 3 to 30 of a-z 0-9 -, first a letter), else Refused."""
    if not APP_NAME.fullmatch(name):
        raise Refused(
            "Name must start with a letter, end with a letter or digit and can only contain lowercase "
            "letters, numbers, and dashes; it is 3 to 30 characters long."
        )
    if name in RESERVED_APP_NAMES:
        raise Refused(f"Name {name} is already taken")
    return name


def check_config_key(key: str) -> str:
    """Return `key` if it may name a config var, else Refused."""
    if len(key) > CONFIG_KEY_LENGTH:
        raise Refused(f"{key[:40]}… is too long for a config var's name: {CONFIG_KEY_LENGTH} characters at most.")
    if not CONFIG_KEY.fullmatch(key):
        raise Refused(
            f"{key[:80]!r} is not a name for a config var: use letters, digits and _, not starting with a digit."
        )
    return key


def check_process_type(name: str) -> str:
    """Return `name` if it may be a process type, else Refused."""
    if not PROCESS_TYPE.fullmatch(name):
        raise Refused(f"{name[:80]!r} is not a process type: use letters, digits, - and _.")
    return name
