"""The git repository that a command is run in: its remotes, and what a push to Haibun needs in its config.

Only the repository's own config is written, never the user's global one. All git work is done by git.
"""

from __future__ import annotations

import os
import re
import sys

from haibun.cli.errors import CliError
from haibun.client.hosts import Host

REMOTE_URL = re.compile(r"https://(?:[^@/]*@)?([^/@]+)/([a-z0-9-]+?)(?:\.git)?/?")
REMOTE_KEY = re.compile(r"remote\.(.+)\.url", re.DOTALL)


class Remote:
    """A remote that looks like one of Haibun: its name, the host[:port] of its URL, and the app."""

    def __init__(self, name: str, url: str, git_host: str, app: str) -> None:
        self.name = name
        self.url = url
        self.git_host = git_host
        self.app = app


def inside() -> bool:
    """Whether the current folder is in a repository; found by looking, as starting git takes longer."""
    if os.environ.get("GIT_DIR"):
        return True
    folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return False
        folder = parent
    return True


def git(*arguments: str, check: bool = True) -> str:
    """What git prints. CliError with git's own words if it fails and `check`; then "" otherwise."""
    import subprocess  # costs what the rest of a command costs; outside a repository nobody needs it

    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CliError("git is not installed. Install it (Debian: apt install git), then try again.") from None
    if done.returncode != 0:
        if check:
            raise CliError(f"git {arguments[0]} failed: {done.stderr.strip() or done.returncode}")
        return ""
    return done.stdout


def remotes() -> tuple[list[Remote], str | None]:
    """The https remotes of this repository that could be apps, and the value of `haibun.remote`; none outside."""
    if not inside():
        return [], None
    listing = git("config", "-z", "--get-regexp", r"^(remote\..*\.url|haibun\.remote)$", check=False)
    found, preferred = [], None
    for entry in listing.split("\0"):
        key, _, value = entry.partition("\n")
        if key == "haibun.remote":
            preferred = value
        elif (name := REMOTE_KEY.fullmatch(key)) and (match := REMOTE_URL.fullmatch(value)):
            found.append(Remote(name[1], value, match[1].lower(), match[2]))
    return found, preferred


def set_remote(name: str, host: Host, app: str) -> bool:
    """Point remote `name` at the app and make pushes to `host` work; whether the remote is new."""
    url = host.remote_url(app)
    new = git("config", "--get", f"remote.{name}.url", check=False) == ""
    git("remote", *(("add", "--", name, url) if new else ("set-url", "--", name, url)))
    trust(host)
    return new


def trust(host: Host) -> None:
    """Let git in this repository ask us for the token of `host`, and believe the platform's own authority."""
    for key, values in settings(host).items():
        git("config", "--local", "--replace-all", key, values[0])
        for value in values[1:]:
            git("config", "--local", "--add", key, value)


def settings(host: Host) -> dict[str, list[str]]:
    """git config key -> values that a push to `host` needs."""
    place = f"https://{host.git_host}"
    wanted = {
        # The empty value drops the helpers of wider config, so that none of them asks or keeps our token.
        f"credential.{place}.helper": ["", f"!{helper_command()} git:credentials"],
        f"credential.{place}.useHttpPath": ["false"],
        # git 2.46 and later then send the token at once, without being refused first.
        f"http.{place}.proactiveAuth": ["basic"],
    }
    if host.ca_file:
        wanted[f"http.{place}.sslCAInfo"] = [host.ca_file]
        # GIT_SSL_CAINFO in the environment wins over that line; git still looks into this folder as well.
        folder = os.path.join(os.path.dirname(host.ca_file), "ca")
        if os.path.isdir(folder):
            wanted[f"http.{place}.sslCAPath"] = [folder]
    return wanted


def helper_command() -> str:
    """This program, quoted for the shell that git starts its helpers with."""
    program = os.path.abspath(sys.argv[0])
    if os.path.basename(program) != "haibun" or not os.access(program, os.X_OK):
        from shutil import which

        program = which("haibun") or ""
    if program:
        return _quoted(program)
    code = "import sys; from haibun.cli.main import main; sys.exit(main(sys.argv[1:]))"
    return f"{_quoted(sys.executable)} -c {_quoted(code)}"


def _quoted(word: str) -> str:
    from shlex import quote

    quoted = quote(word)
    return quoted if quoted.startswith("'") else f"'{quoted}'"
