"""`haibun auth`: tokens in and out of hosts.json. Passwords and tokens are typed or piped, never arguments."""

from __future__ import annotations

import base64
import os
import socket
import sys

from haibun.cli import screen
from haibun.cli.command import JSON, Context, command
from haibun.cli.errors import CliError
from haibun.cli.flags import Flag
from haibun.client import hosts
from haibun.client.errors import ApiError, NotLoggedIn
from haibun.client.hosts import Host
from haibun.client.http import Api

THIRTY_DAYS_SECONDS = 30 * 24 * 3600


@command(
    flags=(
        Flag("interactive", "login with e-mail and password", None, "i"),
        Flag("token", "paste or pipe an API token instead"),
        Flag("expires-in", "duration of the token in seconds (default 30 days)", "SECONDS", "e"),
        Flag("ca-file", "PEM file of the server's own certificate authority", "FILE"),
        Flag("git-host", "host[:port] of git over https, if it is not the API's", "HOST"),
    ),
    app=False,
    examples=(
        "haibun login -i",
        "haibun login --host https://haibun.example.com --ca-file ca.pem -i",
        "haibun login --token < token-file",
    ),
)
def login(ctx: Context) -> int:
    """Log in to a platform and make it the default."""
    if os.environ.get("HAIBUN_API_KEY"):
        raise CliError(
            "Cannot log in while HAIBUN_API_KEY is set: it would win over the new token. Unset it first."
        )
    host = _described(ctx)
    if ctx.on("token"):
        token = _ask("Token: ", hidden=True)
    elif ctx.on("interactive"):
        token = _by_password(ctx, host)
    else:
        screen.error(
            f"How do you want to log in to {host.url}?\n"
            "  haibun login -i        with your e-mail and password\n"
            "  haibun login --token   with an API token (haibun auth:token shows one where you are logged in)\n"
            "For another server add --host URL."
        )
        return 1
    email = str(Api(host, token, warn=screen.warning).get("/account")["email"])
    hosts.add_host(host.url, token, email, host.git_host, host.ca_file)
    if host.url.startswith("http:") and not host.is_loopback:
        screen.warning(
            f"{host.url} is not encrypted: whoever sees the network sees your token. Use https if you can."
        )
    screen.note(f"Logged in as {screen.paint(email, screen.GREEN, sys.stderr)}")
    return 0


def _described(ctx: Context) -> Host:
    """The platform to log in to, with what the flags say of it."""
    known = ctx.host
    ca_file = ctx.flag("ca-file")
    if ca_file and not os.path.isfile(ca_file):
        raise CliError(f"There is no file {ca_file}. --ca-file takes the PEM file of the server's authority.")
    return Host(
        known.url,
        git_host=ctx.flag("git-host") or known.git_host,
        ca_file=os.path.abspath(ca_file) if ca_file else known.ca_file,
    )


def _by_password(ctx: Context, host: Host) -> str:
    screen.note("haibun: Enter your login credentials")
    email = _ask("Email: ")
    password = _ask("Password: ", hidden=True)
    basic = base64.b64encode(f"{email}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    body = {
        "scope": ["global"],
        "description": f"Haibun CLI login from {socket.gethostname()}",
        "expires_in": ctx.flag_number("expires-in", THIRTY_DAYS_SECONDS),
    }
    api = Api(host, None, warn=screen.warning)
    try:
        made = api.post("/oauth/authorizations", body, headers)
    except NotLoggedIn as error:
        raise CliError(f"{error} Check the e-mail and the password.", 100) from error
    except ApiError as error:
        if error.id != "two_factor":
            raise
        code = _ask("Two-factor code: ", hidden=True)
        made = api.post("/oauth/authorizations", body, headers | {"Heroku-Two-Factor-Code": code})
    return str(made["access_token"]["token"])


def _ask(prompt: str, *, hidden: bool = False) -> str:
    """A line from the terminal, or from stdin if that is no terminal. CliError if there is none."""
    if not sys.stdin.isatty():
        answer = sys.stdin.readline()
    elif hidden:
        from getpass import getpass

        answer = getpass(prompt, stream=sys.stderr)
    else:
        sys.stderr.write(prompt)
        sys.stderr.flush()
        answer = sys.stdin.readline()
    if not answer.strip():
        raise CliError(f"{prompt.rstrip(': ')} is missing.")
    return answer.strip()


@command(app=False)
def logout(ctx: Context) -> None:
    """Take the token back at the platform, and forget it here. The platform stays known."""
    with screen.Action("Logging out") as step:
        if ctx.host.token:
            _revoke(Api(ctx.host, ctx.host.token))
        hosts.forget_token(ctx.host.url)
        step.done()
    if os.environ.get("HAIBUN_API_KEY"):
        screen.warning("HAIBUN_API_KEY is still set")


def _revoke(api: Api) -> None:
    """Take back the token that asks; `~` is that one on a Haibun server."""
    try:
        api.delete("/oauth/authorizations/~")
    except NotLoggedIn:
        pass  # Refused already: nothing to take back.
    except ApiError as error:
        if error.status != 404:
            raise


@command(flags=(JSON,), app=False)
def whoami(ctx: Context) -> None:
    """Print the e-mail of the account."""
    if os.environ.get("HAIBUN_API_KEY"):
        screen.warning("HAIBUN_API_KEY is set")
    account = ctx.api.get("/account")
    if ctx.on("json"):
        screen.as_json(account)
    else:
        screen.out(account["email"])


@command(app=False)
def token(ctx: Context) -> None:
    """Print the token."""
    if not ctx.target.token:
        raise NotLoggedIn("not logged in")
    screen.out(ctx.target.token)
