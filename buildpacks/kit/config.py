"""Config vars of the app as a build sees them: one file each in ENV_DIR. Never exported by themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# What a config var must not change under a running build: where programs and libraries are looked for.
BLOCKED = frozenset(
    "PATH GIT_DIR CPATH CPPATH LD_PRELOAD LIBRARY_PATH LD_LIBRARY_PATH PYTHONHOME LANG BUILD_DIR".split()
)


def read(env_dir: Path) -> dict[str, str]:
    """Every config var, name -> value. A folder that is not there holds none."""
    if not env_dir.is_dir():
        return {}
    return {one.name: one.read_text("utf-8", "surrogateescape") for one in env_dir.iterdir() if one.is_file()}


def exported(env: Mapping[str, str], config: Mapping[str, str]) -> dict[str, str]:
    """`env` with the config vars over it, but for the blocked names."""
    return {**env, **{name: value for name, value in config.items() if name not in BLOCKED}}


def root() -> Path:
    """`/`, inside a build dyno. Only tests of pieces set HAIBUN_ROOT."""
    return Path(os.environ.get("HAIBUN_ROOT", "/"))
