"""Puts the parts together that more than one role needs.

What is heavy (the store) is imported by the roles that use it, and only once they hold their lock: a start is
short, the supervisor sees it soon, and the runtime and the supervisor stay small.
"""

from __future__ import annotations

import pwd
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from haibun.core.layout import Layout
from haibun.roles import privileges, process
from haibun.roles.settings import USER, Settings, layout_of, load

if TYPE_CHECKING:
    from haibun.control.context import Control, Platform
    from haibun.router.config import Edge


def enter(role: str, *, keep_root: bool = False, low_ports: bool = False) -> tuple[Settings, Layout]:
    """First thing of every role's main: settings, the role's lock, and the end of being root.

    Leaves with 0 if the role is already running. low_ports: keep the one right to bind ports below 1024.
    """
    data_dir = Path(sys.argv[1])
    settings = load(data_dir)
    if settings is None:
        sys.exit(f"There is no platform in {data_dir}. Start one: haibun up --data-dir {data_dir}")
    layout = layout_of(data_dir, settings)
    process.start_logging()
    if process.hold_lock(layout, role) is None:
        sys.exit(0)
    if not keep_root:
        user = pwd.getpwnam(USER)
        privileges.drop(user.pw_uid, user.pw_gid, process.needed_paths(layout), bind_low_ports=low_ports)
    return settings, layout


def control_of(settings: Settings, layout: Layout) -> Control:
    """The verbs' context, with hints that reach the rooms' sockets."""
    from haibun.control.context import Control
    from haibun.kit.clock import SystemClock
    from haibun.kit.hints import Hinter
    from haibun.store.engine import Store
    from haibun.wire.sealed import Sealer

    hinter = Hinter(layout.hint)
    store = Store(settings.database_url or f"sqlite:///{layout.database}", hinter.send)
    return Control(store, Sealer(layout.master_key.read_bytes()), SystemClock(), platform_of(settings))


def edge_of(settings: Settings) -> Edge:
    """Where the router listens."""
    from haibun.router.config import Edge

    return Edge(
        domain=settings.domain,
        port=settings.port,
        http_port=settings.http_port,
        https_port=settings.https_port,
    )


def platform_of(settings: Settings) -> Platform:
    from haibun.control.context import Platform

    return Platform(
        domain=settings.domain,
        web_url=settings.app_url,
        git_host=settings.git_host,
        api_url=settings.url,
        rendezvous_host=f"{settings.domain}:{settings.port}",
        default_stack=settings.default_stack,
        stacks=settings.stacks,
    )
