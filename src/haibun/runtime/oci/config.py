"""What the local driver is told once, and the paths that follow from it. Pure but for reading resolv.conf."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address
from pathlib import Path

from haibun.core.errors import Final
from haibun.core.layout import Layout

PLATFORM_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
GATEWAY = IPv4Address("169.254.1.1")
METADATA = IPv4Address("169.254.169.254")


@dataclass(frozen=True)
class OciConfig:
    """`subnet`: one address of it per dyno. `platform_id`: tells cgroups, tables and links of platforms apart.

    `log_owner`: uid and gid of the unprivileged user, who owns output files and sources.
    `build_tools`: seen read-only at /haibun in build dynos. `ca_bundle`: what dynos trust, None for the
    stack's own. `resolvers`: DNS servers dynos ask; empty means those of the host.
    `host_ports`: TCP ports of the host that dynos may reach (add-on services); none by default.
    `spare_networks`: how many networks are made ahead of need.
    """

    layout: Layout
    subnet: IPv4Network
    build_tools: Path
    platform_id: str
    log_owner: tuple[int, int]
    ca_bundle: Path | None = None
    resolvers: tuple[str, ...] = ()
    host_ports: tuple[int, ...] = ()
    spare_networks: int = 4

    def __post_init__(self) -> None:
        if not PLATFORM_ID.fullmatch(self.platform_id):
            raise Final("config", f"{self.platform_id!r} cannot be a platform id: use a-z, 0-9, - and _.")
        if self.subnet.prefixlen > 28:
            raise Final("config", f"The subnet {self.subnet} has too few addresses; take a /28 or wider.")

    @property
    def exits(self) -> Path:
        """conmon leaves <dyno id> here when it exits; its text is the exit code."""
        return self.layout.dynos / ".exits"

    @property
    def folder(self) -> Path:
        """Root's own folder, gone after a reboot. Not in the layout's run folder, which the unprivileged user
        may write to, and not below it, since an app's root user must be able to walk here."""
        return Path(f"/run/haibun-{self.platform_id}")

    @property
    def crun_root(self) -> Path:
        """crun's own state."""
        return self.folder / "crun"

    @property
    def staging(self) -> Path:
        """Where mounts are put together. On the host an empty directory: what is on it is seen only in the
        runtime's own mount namespace."""
        return self.folder / "mounts"

    @property
    def cgroup(self) -> str:
        """Name of the cgroup above all dynos of the platform."""
        return f"haibun-{self.platform_id}"

    @property
    def table(self) -> str:
        """Name of the nftables table."""
        return "haibun_" + self.platform_id.replace("-", "_")

    @property
    def link_prefix(self) -> str:
        """Start of the names of this platform's links; with four hex digits it is a link's name."""
        return "hb" + hashlib.sha256(self.platform_id.encode()).hexdigest()[:6] + "-"


def host_resolvers(etc: Path = Path("/etc"), run: Path = Path("/run")) -> tuple[str, ...]:
    """The host's IPv4 DNS servers that a dyno can reach: a stub on loopback is looked through to its upstreams."""
    servers = _nameservers(etc / "resolv.conf")
    if not any(not server.is_loopback for server in servers):
        servers = _nameservers(run / "systemd/resolve/resolv.conf")
    return tuple(str(server) for server in servers if not server.is_loopback)


def _nameservers(path: Path) -> list[IPv4Address]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                address = ip_address(words[1])
            except ValueError:
                continue
            if isinstance(address, IPv4Address):
                found.append(address)
    return found
