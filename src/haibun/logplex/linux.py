"""Two things of Linux that the standard library lacks: inotify, and giving back the read part of a file."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path

MODIFY, CLOSE_WRITE, MOVED_TO, CREATE = 0x2, 0x8, 0x80, 0x100
OVERFLOW, IGNORED = 0x4000, 0x8000
_ONLYDIR = 0x01000000
_KEEP_SIZE, _PUNCH_HOLE = 0x1, 0x2
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}: {what}")
    return result


class Inotify:
    """Watches folders. `fd` becomes readable when something happened; read() never blocks."""

    def __init__(self) -> None:
        self.fd = _check(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")

    def watch(self, folder: Path, mask: int) -> int:
        """A watch number; the same one for the same folder. OSError if it is away or there are too many."""
        return _check(
            _libc.inotify_add_watch(self.fd, os.fsencode(folder), mask | _ONLYDIR),
            f"cannot watch {folder} (see fs.inotify.max_user_watches)",
        )

    def read(self) -> Iterator[tuple[int, int, str]]:
        """(watch number, mask, file name) of what happened."""
        try:
            data = os.read(self.fd, 256 * 1024)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            watch, mask, _, size = _EVENT.unpack_from(data, at)
            at += _EVENT.size + size
            yield watch, mask, os.fsdecode(data[at - size : at].rstrip(b"\0"))

    def close(self) -> None:
        os.close(self.fd)


def punch(fd: int, start: int, end: int) -> bool:
    """Give the blocks of [start, end) back to the filesystem; size and later bytes stay. False if it cannot."""
    if _libc.fallocate(fd, _PUNCH_HOLE | _KEEP_SIZE, start, end - start) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM):
        return False
    raise OSError(number, os.strerror(number))
