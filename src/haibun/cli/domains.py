"""`haibun domains`: under which names the world finds an app."""

from __future__ import annotations

import sys

from haibun.cli import screen, tables
from haibun.cli.command import JSON, Context, command
from haibun.client.http import segment


@command(flags=(JSON,))
def show(ctx: Context) -> None:
    """The platform's own name of the app, and its custom domains."""
    domains = ctx.api.get_list(f"{ctx.app_path}/domains")
    if ctx.on("json"):
        screen.as_json(domains)
        return
    label = screen.app_label(ctx.app)
    screen.heading(f"{label} Haibun Domain")
    for domain in domains:
        if domain["kind"] == "heroku":
            screen.out(domain["hostname"])
    screen.out()
    custom = [domain for domain in domains if domain["kind"] != "heroku"]
    if not custom:
        return
    screen.out()
    screen.heading(f"{label} Custom Domains")
    rows = [
        (
            domain["hostname"],
            _record(domain["hostname"]),
            domain["cname"],
            (domain.get("sni_endpoint") or {}).get("name"),
        )
        for domain in custom
    ]
    tables.table(("Domain Name", "DNS Record Type", "DNS Target", "SNI Endpoint"), rows, shrink=(0, 2))


def _record(hostname: str) -> str:
    """A bare domain cannot be a CNAME."""
    return "CNAME" if hostname.count(".") > 1 or hostname.startswith("*") else "ALIAS or ANAME"


@command("HOSTNAME", flags=(JSON,), examples=("haibun domains:add www.example.com",))
def add(ctx: Context) -> None:
    """Take a hostname for the app."""
    hostname = ctx.words[0]
    with screen.Action(f"Adding {screen.paint(hostname, screen.GREEN, sys.stderr)} to {ctx.label}") as step:
        domain = ctx.api.post(f"{ctx.app_path}/domains", {"hostname": hostname, "sni_endpoint": None})
        step.done()
    if ctx.on("json"):
        screen.as_json(domain)
    elif domain.get("cname"):
        screen.out(f"Configure your app's DNS provider to point to the DNS Target {domain['cname']}.")


@command("HOSTNAME", examples=("haibun domains:remove www.example.com",))
def remove(ctx: Context) -> None:
    """Give a hostname up."""
    hostname = ctx.words[0]
    with screen.Action(f"Removing {screen.paint(hostname, screen.GREEN, sys.stderr)} from {ctx.label}") as step:
        ctx.api.delete(f"{ctx.app_path}/domains/{segment(hostname)}")
        step.done()
