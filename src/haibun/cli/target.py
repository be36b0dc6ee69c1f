"""Which platform and which app a command is about.

The platform: --host or HAIBUN_HOST; else the one that a git remote of this folder belongs to; else the default of
hosts.json. The app: --app; --remote; HAIBUN_APP; else the git remote: the one that `git config haibun.remote`
names, the one named `haibun`, or the only one there is.
"""

from __future__ import annotations

import os

from haibun.cli import repository
from haibun.cli.errors import CliError, Misused
from haibun.cli.repository import Remote
from haibun.client import hosts
from haibun.client.hosts import Host, Hosts


class Target:
    """Looked up when first asked for; one look at the git config at most."""

    def __init__(self, *, host: str | None, app: str | None, remote: str | None) -> None:
        self._known: Hosts = hosts.load()
        self._host_flag = host or os.environ.get("HAIBUN_HOST")
        self._app_flag = app
        self._remote_flag = remote
        self._remotes: list[Remote] | None = None
        self._preferred: str | None = None

    @property
    def host(self) -> Host:
        """The platform."""
        if self._host_flag:
            return self._known.named(self._host_flag)
        if not self._known.by_url or (self._only_one and not self._remote_flag):
            return self._known.usual()
        remote = self._chosen()
        found = self._known.of_git(remote.git_host) if remote else None
        return found or self._common_host() or self._known.usual()

    @property
    def token(self) -> str | None:
        """The token for the platform."""
        return os.environ.get("HAIBUN_API_KEY") or self.host.token

    @property
    def app(self) -> str:
        """The app. Misused if nothing says which, CliError if several remotes do."""
        if self._app_flag:
            return self._app_flag
        if not self._remote_flag and (named := os.environ.get("HAIBUN_APP")):
            return named
        if remote := self._chosen():
            return remote.app
        if self._remote_flag:
            raise CliError(f"remote {self._remote_flag} not found in git remotes")
        if several := self.remotes():
            raise CliError(_several(several))
        raise Misused(
            "Missing required flag:\n  -a, --app APP  app to run command against\n"
            "Or run this in the folder of an app whose git remote is set (haibun git:remote -a APP)."
        )

    def remotes(self) -> list[Remote]:
        """The remotes of this folder that belong to a platform we know."""
        if self._remotes is None:
            found, self._preferred = repository.remotes()
            known = {host.git_host for host in self._known.by_url.values()}
            if self._host_flag or not known:
                known = {(self._known.named(self._host_flag) if self._host_flag else self._known.usual()).git_host}
            self._remotes = [remote for remote in found if remote.git_host in known]
        return self._remotes

    @property
    def _only_one(self) -> bool:
        return set(self._known.by_url) == {self._known.usual().url}

    def _chosen(self) -> Remote | None:
        by_name = {remote.name: remote for remote in self.remotes()}
        if self._remote_flag:
            return by_name.get(self._remote_flag)
        for name in (self._preferred, "haibun"):
            if name in by_name:
                return by_name[name]
        return next(iter(by_name.values())) if len(by_name) == 1 else None

    def _common_host(self) -> Host | None:
        places = {remote.git_host for remote in self.remotes()}
        return self._known.of_git(places.pop()) if len(places) == 1 else None


def _several(remotes: list[Remote]) -> str:
    first = remotes[0]
    lines = "\n".join(f"  {remote.app} ({remote.name})" for remote in remotes)
    return (
        f"Multiple apps in git remotes\n  Usage: --remote {first.name}\n     or: --app {first.app}\n"
        "Your local git repository has more than 1 app referenced in git remotes.\n"
        "Because of this, we can't determine which app you want to run this command against.\n"
        "Specify the app you want with --app or --remote, or name the usual one:\n"
        f"  git config haibun.remote {first.name}\nHaibun remotes in repo:\n{lines}"
    )
