"""The platforms this user knows: addresses, tokens and authorities, in hosts.json (0600).

Owns ${XDG_CONFIG_HOME:-~/.config}/haibun/hosts.json and nothing else. It never opens a connection. It imports
little, because `git:credentials` reads this file on every push:

    {"default": URL, "hosts": {URL: {"token", "email", "git_host", "ca_file", "git_url"}}}
"""

from __future__ import annotations

import json
import os

from haibun.client.errors import ClientError

TYPE_CHECKING = False  # typing itself would cost git:credentials a third of its time
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEFAULT_URL = "http://localhost:5000"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
FIELDS = ("token", "email", "git_host", "ca_file", "git_url")
HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]")


class Host:
    """One platform. `url`: of the API, without a trailing slash. `git_host`: host[:port] of git over https."""

    __slots__ = ("ca_file", "email", "git_host", "git_url", "token", "url")

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        email: str | None = None,
        git_host: str | None = None,
        ca_file: str | None = None,
        git_url: str | None = None,
    ) -> None:
        self.url = normal_url(url)
        self.token = token
        self.email = email
        self.git_host = git_host or self.url.partition("://")[2]
        self.ca_file = ca_file
        self.git_url = git_url or f"https://{self.git_host}"

    def as_json(self) -> dict[str, str]:
        """The entry of hosts.json, without what is not known."""
        return {field: value for field in FIELDS if (value := getattr(self, field)) is not None}

    def remote_url(self, app: str) -> str:
        """Where `app` is pushed to."""
        return f"{self.git_url}/{app}.git"

    @property
    def is_loopback(self) -> bool:
        """Whether the API is on this machine."""
        return bare_name(self.url) in LOOPBACK


class Hosts:
    """The content of hosts.json."""

    def __init__(self, hosts: dict[str, Host], default: str | None) -> None:
        self.by_url = hosts
        self.default = default

    def named(self, url: str) -> Host:
        """The known platform at `url`, or one of which nothing else is known yet."""
        return self.by_url.get(normal_url(url)) or Host(url)

    def of_git(self, git_host: str) -> Host | None:
        """The platform whose git lives at `git_host` (host[:port])."""
        found = [host for host in self.by_url.values() if host.git_host == git_host]
        # A git host may be known under two addresses of the API: the default is meant, else one with a token.
        found.sort(key=lambda host: (host.url != self.default, host.token is None))
        return found[0] if found else None

    def usual(self) -> Host:
        """The platform to talk to when nothing says which."""
        return self.named(self.default or DEFAULT_URL)


def normal_url(url: str) -> str:
    """`localhost:5000/` -> `http://localhost:5000`; without a scheme only loopback is http. Else ClientError."""
    scheme, found, rest = url.strip().rpartition("://")
    rest = rest.rstrip("/").lower()
    if not rest or not HOST_CHARACTERS.issuperset(rest) or (found and scheme.lower() not in ("http", "https")):
        raise ClientError(
            f"{url!r} is not the address of a Haibun server. It looks like https://haibun.example.com."
        )
    if not found:
        scheme = "http" if bare_name(rest) in LOOPBACK else "https"
    return f"{scheme.lower()}://{rest}"


def bare_name(url: str) -> str:
    """The host of a URL or of host:port, without its port."""
    rest = url.rpartition("://")[2]
    return rest.partition("]")[0] + "]" if rest.startswith("[") else rest.partition(":")[0]


def config_folder(home: Path | None = None) -> str:
    """The folder of hosts.json: below `home` if given, else where the environment says."""
    if home is not None:
        return os.path.join(home, ".config", "haibun")
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "haibun")


def load(home: Path | None = None) -> Hosts:
    """What is known; empty if there is no file yet. ClientError if it cannot be read."""
    path = os.path.join(config_folder(home), "hosts.json")
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        hosts = {
            normal_url(url): Host(url, **{field: entry.get(field) for field in FIELDS})
            for url, entry in data.get("hosts", {}).items()
        }
        return Hosts(hosts, data.get("default"))
    except FileNotFoundError:
        return Hosts({}, None)
    except (OSError, ValueError, AttributeError, TypeError, ClientError) as error:
        raise ClientError(f"Cannot read {path}: {error}. Mend the file, or delete it and log in again.") from error


def save(hosts: Hosts, home: Path | None = None) -> None:
    """Replace hosts.json at once, readable by its owner only."""
    folder = config_folder(home)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    data = {"default": hosts.default, "hosts": {url: host.as_json() for url, host in hosts.by_url.items()}}
    draft = os.path.join(folder, f".hosts.json.{os.getpid()}")
    # O_EXCL: never into a file or through a link that somebody left there.
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(data, indent=2) + "\n")
            file.flush()
            os.fsync(handle)
        os.replace(draft, os.path.join(folder, "hosts.json"))
    except BaseException:
        os.unlink(draft)
        raise


def change(edit: Callable[[Hosts], None], home: Path | None = None) -> None:
    """Read, `edit`, write, while no other process of ours does. ClientError if the folder cannot be written."""
    import fcntl

    folder = config_folder(home)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        lock = os.open(os.path.join(folder, "hosts.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            hosts = load(home)
            edit(hosts)
            save(hosts, home)
        finally:
            os.close(lock)
    except OSError as error:
        raise ClientError(f"Cannot write {folder}/hosts.json: {error}.") from error


def add_host(
    url: str,
    token: str | None,
    email: str | None,
    git_host: str | None = None,
    ca_file: str | Path | None = None,
    *,
    home: Path | None = None,
    owner: tuple[int, int] | None = None,
    make_default: bool = True,
) -> None:
    """Remember a platform, or what is new about it.

    `home`: whose folder, if not the caller's own (then XDG_CONFIG_HOME is not looked at). `owner`: uid and gid
    to write as. The first platform becomes the default in any case.
    """
    added = Host(url, token=token, email=email, git_host=git_host, ca_file=str(ca_file) if ca_file else None)

    def edit(hosts: Hosts) -> None:
        hosts.by_url[added.url] = added
        if make_default or hosts.default not in hosts.by_url:
            hosts.default = added.url

    if owner is not None and owner[0] != os.geteuid():
        _as_user(owner, lambda: change(edit, home))
    else:
        change(edit, home)


def forget_token(url: str, home: Path | None = None) -> None:
    """Drop the token of a platform, but keep how to reach it, so that the next login is short."""

    def edit(hosts: Hosts) -> None:
        if host := hosts.by_url.get(normal_url(url)):
            host.token = None

    change(edit, home)


def _as_user(owner: tuple[int, int], work: Callable[[], None]) -> None:
    """Do `work` in a child that is the user.

    Root that writes in a user's folder could be led elsewhere by links there; the user's own process cannot.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(owner[1])
            os.setuid(owner[0])
            work()
            code = 0
        except BaseException as error:
            os.write(2, f"haibun: {error}\n".encode())
        finally:
            os._exit(code)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        raise ClientError(f"Could not write the list of platforms as user {owner[0]}.")
