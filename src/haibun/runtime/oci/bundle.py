"""The OCI bundle of a dyno: its specification in the form crun reads. Pure: spec in, JSON-able data out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from haibun.runtime.driver import DynoSpec
from haibun.runtime.oci import seccomp

USER = 1000
IDS = 65536
OPEN_FILES = 10000
INIT = "/usr/bin/tini"

MASKED = (
    "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/key-users /proc/latency_stats "
    "/proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /proc/sysrq-trigger /sys/firmware "
    "/sys/devices/virtual/powercap /sys/kernel /sys/module"
).split()
READ_ONLY = "/proc/bus /proc/fs /proc/irq /proc/sys".split()

_SECCOMP = seccomp.profile()


@dataclass(frozen=True)
class Place:
    """Where on this host the dyno is put together: paths, and what the stack has."""

    root: str
    network: str
    has_init: bool


def config(spec: DynoSpec, place: Place) -> dict[str, Any]:
    """config.json: uid 1000 without a capability, namespaces of its own, masks, the filter.

    Limits and /sys are not here: cgroups.py and rootfs.py see to them, sooner or faster than crun would."""
    return {
        "ociVersion": "1.0.2",
        "process": _process(spec, place),
        "root": {"path": place.root, "readonly": False},
        "hostname": hostname(spec.name),
        "mounts": _mounts(),
        "linux": {
            "uidMappings": [{"containerID": 0, "hostID": spec.uid_base, "size": IDS}],
            "gidMappings": [{"containerID": 0, "hostID": spec.uid_base, "size": IDS}],
            "namespaces": _namespaces(place),
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "seccomp": _SECCOMP,
        },
    }


def hostname(name: str) -> str:
    """web.1 -> web-1; 64 bytes is the kernel's limit."""
    return name.replace(".", "-").replace("_", "-")[:63]


def _process(spec: DynoSpec, place: Place) -> dict[str, Any]:
    init = [INIT, "--"] if place.has_init else []
    limits = (("RLIMIT_NOFILE", OPEN_FILES), ("RLIMIT_CORE", 0), ("RLIMIT_MEMLOCK", 65536))
    return {
        "terminal": spec.tty,
        "consoleSize": {"height": spec.rows, "width": spec.cols},
        "user": {"uid": USER, "gid": USER, "umask": 0o022},
        "args": [*init, *spec.argv],
        "env": [f"{key}={value}" for key, value in spec.env.items()],
        "cwd": "/app",
        "noNewPrivileges": True,
        "capabilities": {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")},
        "rlimits": [{"type": kind, "soft": limit, "hard": limit} for kind, limit in limits],
    }


def _mounts() -> list[dict[str, Any]]:
    safe = ["nosuid", "noexec", "nodev"]
    return [
        _mount("/proc", "proc", safe),
        _mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=64k"]),
        _mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        _mount("/dev/shm", "tmpfs", [*safe, "mode=1777", "size=64m"]),  # noqa: S108 - inside the dyno
    ]


def _mount(where: str, kind: str, options: list[str]) -> dict[str, Any]:
    return {"destination": where, "type": kind, "source": kind, "options": options}


def _namespaces(place: Place) -> list[dict[str, str]]:
    kinds = ("user", "pid", "mount", "uts", "ipc")
    return [{"type": kind} for kind in kinds] + [{"type": "network", "path": place.network}]
