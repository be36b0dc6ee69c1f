"""Where a platform keeps things, as pure paths. Data outlives a reboot; run does not.

Every process gets the same Layout; nobody else joins path parts. File modes are the writer's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """`data`: the --data-dir. `run`: /run/haibun/<platform id>, short because unix socket paths are."""

    data: Path
    run: Path

    # -- settings and secrets
    @property
    def settings(self) -> Path:
        return self.data / "settings.json"

    @property
    def secrets(self) -> Path:
        """0700 of the unprivileged user: master.key (config vars), ca.key, server keys."""
        return self.data / "secrets"

    @property
    def master_key(self) -> Path:
        return self.secrets / "master.key"

    @property
    def admin_token(self) -> Path:
        """0600 of the user who said `up`; the admin's API token."""
        return self.data / "admin-token"

    @property
    def ca_cert(self) -> Path:
        """World-readable: what clients must trust."""
        return self.data / "ca.pem"

    @property
    def ca_folder(self) -> Path:
        """The same, as a folder of hash-named certificates; beside ca.pem, where clients look for it."""
        return self.data / "ca"

    @property
    def ca_key(self) -> Path:
        return self.secrets / "ca.key"

    @property
    def certs(self) -> Path:
        """PEM bundles (key + chain) that HAProxy reads."""
        return self.secrets / "certs"

    @property
    def database(self) -> Path:
        return self.data / "store" / "haibun.db"

    # -- blobs
    @property
    def repos(self) -> Path:
        """<app id>.git, bare."""
        return self.data / "repos"

    @property
    def sources(self) -> Path:
        """<source id>.tar: what a build starts from. Written by git/ and api/."""
        return self.data / "blobs" / "sources"

    @property
    def slugs(self) -> Path:
        """<slug id>.squashfs. Written by the runtime, root-owned."""
        return self.data / "blobs" / "slugs"

    @property
    def streams(self) -> Path:
        """<stream id>: output of builds and release phases, append-only."""
        return self.data / "blobs" / "streams"

    @property
    def stacks(self) -> Path:
        """<stack>.run and <stack>.build root trees; normally a link to the machine's shared ones."""
        return self.data / "stacks"

    # -- dynos
    @property
    def output(self) -> Path:
        """<app id>/<dyno name>.<dyno id>.log: what dynos wrote, in conmon's k8s-file form."""
        return self.data / "output"

    @property
    def dynos(self) -> Path:
        """<dyno id>/: writable layer, bundle, exit file. The runtime's own; root only."""
        return self.data / "dynos"

    @property
    def build_cache(self) -> Path:
        """<app id>/: CACHE_DIR of the app's builds."""
        return self.data / "build-cache"

    # -- logs
    @property
    def logplex(self) -> Path:
        """Buffers and cursors of logplex."""
        return self.data / "logplex"

    @property
    def platform_logs(self) -> Path:
        """<role>.log: what our own processes say."""
        return self.data / "log"

    @property
    def haproxy(self) -> Path:
        """haproxy.cfg, maps, error pages."""
        return self.data / "router"

    # -- sockets, all in run
    def socket(self, name: str) -> Path:
        """A unix stream socket: api, git, logplex, rendezvous, runtime, haproxy-admin …"""
        return self.run / f"{name}.sock"

    def hint(self, room: str) -> Path:
        """The datagram socket on which a room listens for hints."""
        return self.run / "hints" / room

    def lock(self, role: str) -> Path:
        """Held (flock) by the running process of a role; its text is the pid."""
        return self.run / f"{role}.lock"
