"""HAProxy's configuration as text: template + edge + what is in the slots. Pure; haproxy.py writes the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from string import Template

from haibun.core.layout import Layout
from haibun.router.ops import Proxy
from haibun.router.pages import ERROR_PAGES, FILLING, STATE_PAGES, no_app_format

FIRST_SLOTS = 64
RENDEZVOUS = "rendezvous"
LOG_SOCKET = "router-log"
SERVER = "pool-max-conn -1 pool-purge-delay 1s"
"""Of every server: connections to dynos are kept, but idle ones not as long as app servers keep theirs. A server
added at run time keeps none unless both words are said."""
HTML = 'content-type "text/html; charset=utf-8" hdr Cache-Control "no-cache, no-store"'


def every_address() -> tuple[str, ...]:
    """IPv4 and, where the kernel has it, IPv6: HAProxy would not start for one address that cannot be had."""
    return ("0.0.0.0", "[::]") if Path("/proc/net/if_inet6").exists() else ("0.0.0.0",)  # noqa: S104


@dataclass(frozen=True)
class Edge:
    """Where the platform meets the world.

    `port`: the one port that tells HTTP, TLS and rendezvous apart. `http_port`, `https_port`: HTTP and nothing
    else, without that hop. Both kinds may be open at once: with direct ports alone, `port` is where
    rendezvous lives. `hosts` are the platform's own beside `domain`, api. and git. of it, and loopback.
    Times in seconds.
    """

    domain: str = "localhost"
    port: int | None = None
    http_port: int | None = None
    https_port: int | None = None
    addresses: tuple[str, ...] = field(default_factory=lambda: every_address())
    hosts: tuple[str, ...] = ()
    first_byte_seconds: float = 30
    idle_seconds: float = 55
    connect_seconds: float = 5
    boot_seconds: float = 75
    threads: int | None = None

    def platform_hosts(self) -> tuple[str, ...]:
        """Every host that is the platform's own."""
        own = (self.domain, f"api.{self.domain}", f"git.{self.domain}", "localhost", "127.0.0.1", "[::1]")
        return tuple(dict.fromkeys(host.lower() for host in (*own, *self.hosts)))


def _template(name: str) -> Template:
    return Template(files("haibun.router").joinpath(f"templates/{name}").read_text())


def _binds(edge: Edge, port: int, rest: str = "") -> Iterator[str]:
    for address in edge.addresses:
        only = " v6only" if ":" in address else ""
        yield f"bind {address}:{port}{only}{rest}"


def _port_frontend(edge: Edge) -> str:
    if edge.port is None:
        return ""
    lines = [
        "frontend port from bytes",
        *_binds(edge, edge.port),
        "tcp-request inspect-delay 10s",
        "tcp-request content accept if { req.len gt 0 }",
        "use_backend to_tls if { req.payload(0,1) -m bin 16 }",
        # `SSH-` belongs here: use_backend to_ssh if { req.payload(0,4) -m str SSH- }
        "default_backend to_http",
    ]
    return "\n    ".join(lines)


def _direct_binds(edge: Edge, folder: str) -> str:
    lines: list[str] = []
    if edge.http_port is not None:
        lines += _binds(edge, edge.http_port, " name http")
    if edge.https_port is not None:
        tls = f" name https ssl crt-list {folder}/crt-list alpn h2,http/1.1"
        lines += _binds(edge, edge.https_port, tls)
    return "\n    ".join(lines)


def _page_backends(folder: str) -> str:
    return "\n\n".join(
        f"backend page_{state} from pages\n"
        f"    http-request set-var(txn.code) str({page.code})\n"
        f"    http-request return status {page.status} {HTML} file {folder}/pages/{state}.html"
        for state, page in STATE_PAGES.items()
    )


def _slots(proxy: Proxy) -> Iterator[str]:
    for slot in range(proxy.slots):
        yield f"backend s{slot} from app"
        for key, server in proxy.servers.get(slot, {}).items():
            if server.power != "maint":
                weight = " weight 0" if server.power == "drain" else ""
                yield f"    server {key} {server.ip}:{server.port} {SERVER}{weight}"


def config(layout: Layout, edge: Edge, proxy: Proxy) -> str:
    """haproxy.cfg. A draining server is written with weight 0: no new requests until the planner looks."""
    folder = str(layout.haproxy)
    return _template("haproxy.cfg").substitute(
        folder=folder,
        admin=layout.socket("haproxy-admin"),
        log=layout.socket(LOG_SOCKET),
        threads="" if edge.threads is None else f"nbthread {edge.threads}",
        tls_socket=layout.socket("haproxy-tls"),
        http_socket=layout.socket("haproxy-http"),
        https_socket=layout.socket("haproxy-https"),
        rendezvous_socket=layout.socket(RENDEZVOUS),
        web_socket=layout.socket("web"),
        logplex_socket=layout.socket("logplex"),
        platform_hosts=" ".join(edge.platform_hosts()),
        port_frontend=_port_frontend(edge),
        direct_binds=_direct_binds(edge, folder),
        page_backends=_page_backends(folder),
        first_byte=round(edge.first_byte_seconds * 1000),
        idle=round(edge.idle_seconds * 1000),
        connect=round(edge.connect_seconds * 1000),
        boot=round(edge.boot_seconds * 1000),
        slots="\n".join(_slots(proxy)),
    )


def maps(proxy: Proxy) -> dict[str, str]:
    """File name -> text of the maps: host -> slot, slot -> app id/state."""
    hosts = "".join(f"{host} s{slot}\n" for host, slot in proxy.hosts.items())
    owners = "".join(f"s{slot} {app}/{state}\n" for slot, (app, state) in proxy.owners.items())
    ready = "ready 1\n" if proxy.ready else ""
    return {"hosts.map": hosts, "owners.map": owners + ready}


def static_files(layout: Layout, edge: Edge) -> dict[str, str]:
    """File name -> text of the pages and the script that do not change while HAProxy runs."""
    texts = {f"pages/{name}.http": page.http() for name, page in ERROR_PAGES.items()}
    texts |= {f"pages/{state}.html": page.html() for state, page in STATE_PAGES.items()}
    texts["pages/filling.html"] = FILLING.html()
    texts["pages/no_app.html"] = no_app_format()
    texts["hold.lua"] = _template("hold.lua").substitute(
        folder=layout.haproxy, boot_seconds=round(edge.boot_seconds)
    )
    return texts
