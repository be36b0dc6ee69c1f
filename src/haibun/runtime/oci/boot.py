"""The steps of one dyno's boot, in order, each undone if a later one fails. Runs in a thread among the mounts."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from haibun.core.errors import Final, HaibunError, Temporary
from haibun.runtime.driver import DynoSpec
from haibun.runtime.oci import attach, bundle, cgroups, conmon, records
from haibun.runtime.oci.config import OciConfig
from haibun.runtime.oci.host import Host
from haibun.runtime.oci.networks import Network
from haibun.runtime.oci.output import open_output
from haibun.runtime.oci.records import Record, State

_encoder = msgspec.json.Encoder()


class Boot:
    """Starts dynos on a prepared host."""

    def __init__(self, config: OciConfig, host: Host) -> None:
        self._config = config
        self._host = host
        self._boot_id = records.boot_id()
        self._hurry = ThreadPoolExecutor(1, "haibun-hurry")

    def close(self) -> None:
        self._hurry.shutdown(wait=True)

    def settle(self, record: Record) -> None:
        """What may wait until the dyno runs: its watcher leaves our cgroup."""
        with suppress(OSError):
            self._host.cgroups.join(self._host.watchers, record.state.conmon)

    def start(self, spec: DynoSpec) -> Record:
        """From nothing to the first instruction. Temporary or Final if it fails; then nothing is left."""
        folder = self._config.layout.dynos / spec.id
        self._host.rootfs.stack(spec)  # the likeliest failure, before anything is made
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            self._host.clear(spec.id)
            folder.mkdir(mode=0o700)
        network = output = None
        try:
            # the group before the hurry, which holds a lock of the kernel's that making one needs
            self._host.cgroups.make(self._host.group(spec.id), spec.limits)
            self._hurry.submit(self._host.cgroups.hurry)
            records.save_spec(folder, spec)
            network = self._host.networks.take()
            output = open_output(self._config, spec)
            return self._create_and_start(spec, folder, network, output)
        except BaseException as error:
            self._host.clear(spec.id)
            if network:
                self._host.networks.give_back(network.ip)
            if isinstance(error, OSError):
                raise Temporary(f"{spec.name} could not be started: {error}.") from error
            raise
        finally:
            self._host.rootfs.unmount(spec.id)
            if network:
                os.close(network.fd)
            if output is not None:
                os.close(output)

    def _create_and_start(self, spec: DynoSpec, folder: Path, network: Network, output: int) -> Record:
        group, groups = self._host.group(spec.id), self._host.cgroups
        cgroup = cgroups.ROOT / group if groups.mode == "v2" else None
        root = self._host.rootfs.mount(spec, folder, network.sys, cgroup)
        has_init = self._host.rootfs.has_init(self._host.rootfs.stack(spec))
        place = bundle.Place(str(root), network.path, has_init)
        records.write_private(folder / "config.json", _encoder.encode(bundle.config(spec, place)))
        pid = conmon.create(self._host.programs, self._config, spec, output)
        groups.join(group, pid)
        record = Record(spec, self._state(pid, folder, network))
        records.save_state(folder, record.state)
        if spec.stdin:
            record.early = attach.connect(folder)
        try:
            conmon.start(self._host.programs, self._config, spec.id)
        except HaibunError:
            if record.early:
                record.early.close()
            raise
        return record

    def _state(self, pid: int, folder: Path, network: Network) -> State:
        born = records.birth(pid)
        if born is None:
            raise Final("start", "The dyno ended before it began; the host may be out of memory.")
        return State(pid, born, self._boot_id, conmon.conmon_pid(folder), network.ip, network.link, time.time())
