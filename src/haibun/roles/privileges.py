"""How a role gives up root before a stranger's first byte reaches it.

A data dir or a checkout may lie below a directory that only root may enter (/root, a temporary one). Such
directories are replaced, for the role alone, by empty ones with just our own paths in them; so the role can
work, and everything else there is out of its sight.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PR_SET_KEEPCAPS = 47, 2, 8
CAP_NET_BIND_SERVICE = 10

_libc = ctypes.CDLL(None, use_errno=True)


def drop(uid: int, gid: int, needed: Iterable[Path], *, bind_low_ports: bool = False) -> None:
    """Become uid:gid for good, able to reach the needed paths. Call before any thread is started."""
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    _mount(None, Path("/"), None, MS_REC | MS_PRIVATE)
    _make_reachable(sorted({path.resolve() for path in needed if path.exists()}))
    if bind_low_ports:
        _libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if bind_low_ports:
        _keep_only(CAP_NET_BIND_SERVICE)
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    os.environ["HOME"] = "/"
    os.umask(0o027)


def _make_reachable(needed: list[Path]) -> None:
    while blocked := next(filter(None, map(_closed_ancestor, needed)), None):
        below = [path for path in needed if path.is_relative_to(blocked)]
        kept = [(path, os.open(path, os.O_PATH)) for path in below]
        _mount("tmpfs", blocked, "tmpfs", 0, b"mode=755,size=64k")
        for path, descriptor in kept:
            if not path.exists():
                path.mkdir(parents=True)
                _mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND | MS_REC)
            os.close(descriptor)


def _closed_ancestor(path: Path) -> Path | None:
    """The outermost directory above the path that others may not enter."""
    for ancestor in reversed(path.parents):
        if not ancestor.stat().st_mode & stat.S_IXOTH:
            return ancestor
    return None


def _mount(source: str | None, target: Path, kind: str | None, flags: int, data: bytes | None = None) -> None:
    result = _libc.mount(
        source.encode() if source else None, os.fsencode(target), kind.encode() if kind else None, flags, data
    )
    _check(result, f"mount on {target}")


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def _keep_only(capability: int) -> None:
    """Keep one capability over the change of user, and over exec."""
    header = _CapHeader(0x20080522, 0)
    data = (_CapData * 2)()
    data[0].effective = data[0].permitted = data[0].inheritable = 1 << capability
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")
    with contextlib.suppress(OSError):
        _check(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "prctl")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
