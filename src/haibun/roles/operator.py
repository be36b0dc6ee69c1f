"""`haibun up | down | status`: the operator's commands, their options and what they print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from haibun.roles.settings import DEFAULT_DATA_DIR

Step = Callable[[str], None]


class Trouble(Exception):
    """Something an operator must mend. The message says what, why and what to do."""


def run(argv: list[str]) -> int:
    """Run one of the commands; the exit code."""
    try:
        return int(operator.main(argv, prog_name="haibun", standalone_mode=False) or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except Trouble as trouble:
        click.echo(f" !     {trouble}", err=True)
        return 1


@click.group()
def operator() -> None:
    """Run a platform on this machine."""


_data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_DATA_DIR,
    show_default=True,
    help="Where the platform keeps everything.",
)
_json = click.option("--json", "as_json", is_flag=True, help="End with one JSON object on the last line.")


@operator.command()
@_data_dir
@click.option("--port", type=click.IntRange(1, 65535), help="For HTTP, HTTPS and consoles alike. [default: 5000]")
@click.option("--http-port", type=click.IntRange(1, 65535), help="Another port for HTTP alone, e.g. 80.")
@click.option(
    "--https-port",
    type=click.IntRange(1, 65535),
    help="And one for HTTPS alone, e.g. 443.",
)
@click.option("--domain", help="Apps answer at <app>.<domain>. [default: localhost]")
@_json
def up(
    data_dir: Path,
    port: int | None,
    http_port: int | None,
    https_port: int | None,
    domain: str | None,
    as_json: bool,
) -> None:
    """Start the platform; return once it is healthy. Running it again changes nothing."""
    from haibun.roles import start

    _need_root("up")
    if (http_port is None) != (https_port is None):
        raise click.UsageError("--http-port and --https-port go together.")
    asked = {"port": port, "http_port": http_port, "https_port": https_port, "domain": domain}
    facts = start.up(data_dir.resolve(), {k: v for k, v in asked.items() if v is not None}, _say)
    click.echo(f"Haibun is up at {facts['url']}")
    click.echo(f"  Log in:   you are, as {facts['admin']['email']} (haibun whoami)")
    click.echo("  Deploy:   haibun create && git push haibun main")
    click.echo(f"  Stop:     haibun down --data-dir {data_dir}")
    if as_json:
        click.echo(json.dumps(facts))


@operator.command()
@_data_dir
@click.option("--dynos", is_flag=True, help="Stop the dynos as well; else they go on running.")
@_json
def down(data_dir: Path, dynos: bool, as_json: bool) -> None:
    """Stop the platform. Its data stays."""
    from haibun.roles import stop

    _need_root("down")
    stop.down(data_dir.resolve(), dynos=dynos, say=_say)
    click.echo("Haibun is down." + ("" if dynos else " Dynos go on running; --dynos stops them as well."))
    if as_json:
        click.echo(json.dumps({"data_dir": str(data_dir), "dynos": dynos}))


@operator.command()
@_data_dir
@_json
def status(data_dir: Path, as_json: bool) -> None:
    """Check every part; exit 0 only when all of them answer."""
    from haibun.roles import check

    report = check.status(data_dir.resolve())
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print_status(report)
    raise click.exceptions.Exit(0 if report["healthy"] else 1)


def _print_status(report: dict[str, Any]) -> None:
    click.echo(f"=== Haibun at {report['url'] or report['data_dir']}\n")
    for part in report["parts"]:
        mark = "ok  " if part["ok"] else "DOWN"
        pid = f"pid {part['pid']}" if part.get("pid") else ""
        click.echo(f"{mark}  {part['name']:<12} {pid:<12} {part['detail']}".rstrip())
    if not report["healthy"]:
        click.echo(f"\nStart what is down with: haibun up --data-dir {report['data_dir']}")


def _say(text: str) -> None:
    click.echo(f"-----> {text}", err=True)


def _need_root(command: str) -> None:
    if os.geteuid() != 0:
        raise Trouble(
            f"`haibun {command}` must be run as root, because it makes containers and networks. "
            f"Try: sudo {Path(sys.argv[0]).name} {command}"
        )
