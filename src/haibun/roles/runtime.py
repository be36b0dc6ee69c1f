"""The runtime process: the only privileged one that anybody talks to. Holds the driver behind a unix socket."""

from __future__ import annotations

import asyncio
import ipaddress
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from haibun.core.layout import Layout
from haibun.roles import compose
from haibun.roles.settings import USER, Settings

if TYPE_CHECKING:
    from haibun.runtime.oci.config import OciConfig

BUILD_TOOLS = Path(__file__).resolve().parents[3] / "buildpacks"


def main() -> None:
    settings, layout = compose.enter("runtime", keep_root=True)
    asyncio.run(_run(settings, layout))


async def _run(settings: Settings, layout: Layout) -> None:
    from haibun.runtime.oci.driver import OciDriver
    from haibun.runtime.server import serve

    config = config_of(settings, layout)
    async with OciDriver(config) as driver:
        await serve(driver, layout.socket("runtime"), config.log_owner)


def config_of(settings: Settings, layout: Layout) -> OciConfig:
    from haibun.runtime.oci.config import OciConfig

    user = pwd.getpwnam(USER)
    return OciConfig(
        layout=layout,
        subnet=ipaddress.IPv4Network(settings.subnet),
        build_tools=BUILD_TOOLS,
        platform_id=settings.id,
        log_owner=(user.pw_uid, user.pw_gid),
        ca_bundle=Path(settings.ca_bundle) if settings.ca_bundle else None,
    )


def teardown(settings: Settings, layout: Layout) -> None:
    """End all dynos and free what the runtime holds on this machine. For `down --dynos`."""
    from haibun.runtime.sweep import teardown as sweep

    sweep(config_of(settings, layout))


if __name__ == "__main__":
    main()
