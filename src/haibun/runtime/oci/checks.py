"""What a caller may ask for. The caller is unprivileged and its words become paths, so grammars are strict.

Every check raises Final('invalid') with what is wrong. Nothing here touches the machine.
"""

from __future__ import annotations

import re
import unicodedata

from haibun.core.errors import Final
from haibun.core.names import CONFIG_KEY
from haibun.kit.ids import is_id
from haibun.runtime.driver import DynoSpec

DYNO_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}\.[0-9]{1,9}")
STACK = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*")
BUILD_DIR = re.compile(r"/app|/build|/tmp/[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
FIRST_UID = 65536
LAST_UID = 2**32 - 2 - 65536
ENVIRONMENT_BYTES = 1024 * 1024
ARGUMENT_BYTES = 128 * 1024 - 1


def check_id(text: str, what: str = "dyno id") -> str:
    """The text, if it is a uuid in lower case."""
    _insist(is_id(text), what, text)
    return text


def check_spec(spec: DynoSpec) -> None:
    """Whether a dyno may be started as the caller says."""
    check_id(spec.id)
    check_id(spec.app_id, "app id")
    _insist(DYNO_NAME.fullmatch(spec.name), "dyno name", spec.name)
    _insist(STACK.fullmatch(spec.stack) and len(spec.stack) <= 64, "stack", spec.stack)
    _insist(FIRST_UID <= spec.uid_base <= LAST_UID, "uid_base", spec.uid_base)
    _check_process(spec)
    _check_limits(spec)
    if spec.kind == "run":
        _check_run(spec)
    else:
        _check_build(spec)


def _check_process(spec: DynoSpec) -> None:
    _insist(spec.argv and spec.argv[0], "argv", spec.argv)
    for argument in spec.argv:
        _check_text(argument, "argument")
        _insist(len(argument.encode()) <= ARGUMENT_BYTES, "argument (too long)", argument)
    total = sum(len(key.encode()) + len(value.encode()) for key, value in spec.env.items())
    _insist(total <= ENVIRONMENT_BYTES, "environment (too large)", f"{total} bytes")
    for key, value in spec.env.items():
        _insist(key and "=" not in key, "name of an environment variable", key)
        _check_text(key, "name of an environment variable")
        _check_text(value, f"value of {key[:80]}")
        _insist(len(key.encode()) + len(value.encode()) < ARGUMENT_BYTES, f"value of {key[:80]} (too long)", "")


def _check_limits(spec: DynoSpec) -> None:
    limits = spec.limits
    _insist(16 <= limits.memory_mb <= 1 << 24, "memory limit", limits.memory_mb)
    _insist(2 <= limits.cpu_shares <= 262144, "cpu shares", limits.cpu_shares)
    _insist(8 <= limits.processes <= 4194304, "limit of processes", limits.processes)
    _insist(1 <= spec.rows <= 65535 and 1 <= spec.cols <= 65535, "terminal size", (spec.rows, spec.cols))
    _insist(spec.port is None or 1 <= spec.port <= 65535, "port", spec.port)


def _check_run(spec: DynoSpec) -> None:
    if spec.slug_id is not None:
        check_id(spec.slug_id, "slug id")
    of_builds = (spec.source_id, spec.cache_id, spec.build_dir)
    _insist(not any(of_builds) and not spec.env_dir, "dyno of kind run: it has a build's fields", spec.name)


def _check_build(spec: DynoSpec) -> None:
    _insist(spec.slug_id is None, "build dyno: it has a slug", spec.slug_id)
    if spec.source_id is not None:
        check_id(spec.source_id, "source id")
    if spec.cache_id is not None:
        check_id(spec.cache_id, "cache id")
    _insist(BUILD_DIR.fullmatch(spec.build_dir or ""), "build_dir", spec.build_dir)
    for name, content in spec.env_dir.items():
        _insist(CONFIG_KEY.fullmatch(name) and len(name) <= 255, "name in env_dir", name)
        _check_text(content, f"content of {name[:80]}", nul=True)


def _check_text(text: str, what: str, *, nul: bool = False) -> None:
    """Text that can be handed to a process: UTF-8, no NUL."""
    _insist(nul or "\0" not in text, f"{what} (has a NUL)", "")
    _insist(text.isascii() or all(unicodedata.category(c) != "Cs" for c in text), f"{what} (not UTF-8)", "")


def _insist(ok: object, what: str, value: object) -> None:
    if not ok:
        raise Final("invalid", f"The runtime refuses this {what}: {str(value)[:80]!r}.")
