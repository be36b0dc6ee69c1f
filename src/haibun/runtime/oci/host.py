"""The host as dynos need it: checked, prepared, swept. Holds the parts that outlive a single dyno."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from haibun.core.errors import Final
from haibun.kit.ids import is_id
from haibun.runtime.oci import cgroups, firewall, records
from haibun.runtime.oci.checks import check_id
from haibun.runtime.oci.config import OciConfig, host_resolvers
from haibun.runtime.oci.conmon import Programs
from haibun.runtime.oci.networks import Networks
from haibun.runtime.oci.private_mounts import PrivateMounts
from haibun.runtime.oci.rootfs import BaseLayer, Rootfs


class Host:
    """Made once per driver. prepare() first; then networks, rootfs and the rest may be used."""

    def __init__(self, config: OciConfig) -> None:
        self.config = config
        self.cgroups = cgroups.find()
        self.resolvers = config.resolvers or host_resolvers()
        self.mounts = PrivateMounts(config.staging, hybrid=self.cgroups.mode == "hybrid")
        self.networks = Networks(config, self.mounts)
        self.rootfs = Rootfs(config, BaseLayer(config, self.resolvers))

    def prepare(self) -> None:
        """Folders, programs, firewall, mount namespace. Final if the host cannot run dynos, with what to do."""
        if os.geteuid() != 0:
            raise Final("root", "The runtime needs root: it makes namespaces, mounts and cgroups.")
        self.programs = Programs.find()
        layout = self.config.layout
        for folder, mode in ((layout.dynos, 0o700), (layout.build_cache, 0o700), (layout.slugs, 0o755)):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
            _insist_on_root(folder)
        self.config.folder.mkdir(mode=0o711, exist_ok=True)
        _insist_on_root(self.config.folder)
        for folder, mode in (
            (self.config.exits, 0o700),
            (self.config.crun_root, 0o700),
            (self.config.staging, 0o711),
        ):
            folder.mkdir(mode=mode, exist_ok=True)
            folder.chmod(mode)
        layout.output.mkdir(parents=True, exist_ok=True)
        firewall.load(self.config, self.resolvers)
        self.cgroups.make_parent(self.config.cgroup)
        self.cgroups.make(self.watchers)
        self.mounts.run(lambda: None)

    def notes(self) -> list[str]:
        """What an operator should know of this host."""
        notes = [f"Cgroups: {self.cgroups.mode}.", "The kernel forwards IPv4 packets (ip_forward is 1)."]
        if not self.resolvers:
            notes.append("No DNS server that dynos can reach was found; name look-ups in dynos will fail.")
        if firewall.docker_drops_forwarding():
            notes.append(
                "Another firewall table drops forwarded packets (Docker does): dynos reach nothing outside until "
                f"you allow {self.config.subnet}, e.g. in the chain DOCKER-USER."
            )
        return notes

    @property
    def watchers(self) -> str:
        """The cgroup of all conmons: not ours, since who stops our service should not stop them."""
        return f"{self.config.cgroup}/watchers"

    def group(self, dyno_id: str) -> str:
        """The dyno's cgroup, relative to a hierarchy's root."""
        return f"{self.config.cgroup}/{dyno_id}"

    def kill(self, dyno_id: str) -> None:
        self.cgroups.kill(self.group(dyno_id))

    def clear(self, dyno_id: str) -> None:
        """Free everything of a dyno but its output file: processes, cgroups, mounts of ours, files."""
        check_id(dyno_id)
        self.cgroups.remove(self.group(dyno_id))
        self.rootfs.unmount(dyno_id)
        records.forget(self.config, dyno_id)

    def sweep(self, known: set[str], leftovers: list[str]) -> None:
        """Clear what belongs to no known dyno: starts that broke, state of crun, cgroups."""
        found = self.cgroups.children(self.config.cgroup)
        found |= {entry.name for entry in os.scandir(self.config.crun_root)}
        found |= {entry.name for entry in os.scandir(self.config.exits)}
        for dyno_id in ({name for name in found if is_id(name)} | set(leftovers)) - known:
            self.mounts.run(self.clear, dyno_id)

    def close(self) -> None:
        self.networks.close()
        self.mounts.close()


def _insist_on_root(folder: Path) -> None:
    """Only root may change what leads to root's own folders, else the unprivileged user could swap them."""
    for path in (folder, *folder.parents):
        seen = path.stat()
        loose = seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not seen.st_mode & stat.S_ISVTX
        if seen.st_uid != 0 or loose:
            raise Final(
                "folders", f"{path} must belong to root and be writable by root only (it leads to {folder})."
            )
