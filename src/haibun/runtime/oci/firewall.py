"""The nftables table of a platform: what dynos may reach. It knows links and networks, never single dynos."""

from __future__ import annotations

import subprocess
from pathlib import Path

from haibun.core.errors import Final
from haibun.runtime.oci.config import METADATA, OciConfig

# `table` before `delete table` makes the deletion safe when there is none.
RULES = """
table inet {table}
delete table inet {table}
table inet {table} {{
    chain from_dynos {{
        type filter hook input priority filter; policy accept;
        iifname != "{links}*" accept
        ct state established,related accept
{allowed}        drop
    }}
    chain through {{
        type filter hook forward priority filter; policy accept;
        iifname != "{links}*" accept
        ct state established,related accept
        oifname "hb*" drop
        ip daddr {metadata} drop
        ip saddr != {subnet} drop
        meta nfproto ipv6 drop
    }}
    chain into_dynos {{
        type filter hook forward priority filter; policy accept;
        oifname "{links}*" ct state new drop
    }}
    chain outward {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {subnet} oifname != "hb*" masquerade
    }}
}}
"""


def rules(config: OciConfig, resolvers: tuple[str, ...]) -> str:
    """The table as text for `nft -f -`."""
    allowed = ""
    if resolvers:  # only matters where a resolver is one of the host's own addresses
        servers = "{ " + ", ".join(resolvers) + " }"
        allowed += f"        ip daddr {servers} meta l4proto {{ tcp, udp }} th dport 53 accept\n"
    if config.host_ports:
        ports = "{ " + ", ".join(map(str, config.host_ports)) + " }"
        allowed += f"        tcp dport {ports} accept\n"
    return RULES.format(
        table=config.table, links=config.link_prefix, allowed=allowed, metadata=METADATA, subnet=config.subnet
    )


def load(config: OciConfig, resolvers: tuple[str, ...]) -> None:
    """Put the table in force, in one transaction, and let the host forward. Final if nftables refuses."""
    _nft(rules(config, resolvers))
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")
    if forwarding.read_text().strip() != "1":
        forwarding.write_text("1")


def unload(config: OciConfig) -> None:
    """Take the table away; none is no error. ip_forward is left: others may have come to need it."""
    _nft(f"table inet {config.table}\ndelete table inet {config.table}\n")


def docker_drops_forwarding() -> bool:
    """Whether another table drops what is forwarded, as Docker's does: dynos then reach no network outside."""
    done = subprocess.run(
        ["nft", "list", "chain", "ip", "filter", "FORWARD"], capture_output=True, text=True, check=False
    )
    return "policy drop" in done.stdout


def _nft(text: str) -> None:
    try:
        done = subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Final("nftables", "The program nft is missing; install the package nftables.") from None
    if done.returncode:
        raise Final("nftables", f"nftables did not take the platform's rules: {done.stderr.strip()[:500]}")
