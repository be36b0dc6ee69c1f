"""The few system calls that Python does not have, by libc. Each raises OSError; none knows what it is for."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct

CLONE_FS, CLONE_NEWNS, CLONE_NEWNET = 0x200, 0x20000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 4096, 8192, 16384, 1 << 18
MNT_DETACH = 2
IN_CLOSE_WRITE, IN_MOVED_TO = 0x8, 0x80

_LOOP_CTL_GET_FREE, _LOOP_CONFIGURE = 0x4C82, 0x4C0A
_LO_READ_ONLY, _LO_AUTOCLEAR = 1, 4
_LOOP_CONFIG_SIZE, _LO_FLAGS_OFFSET = 304, 60

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.unshare.argtypes = [ctypes.c_int]
_libc.setns.argtypes = [ctypes.c_int, ctypes.c_int]
_libc.inotify_init1.argtypes = [ctypes.c_int]
_libc.inotify_add_watch.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2). Flags of an existing mount change by a remount, as the kernel asks."""
    args = [text.encode() if text else None for text in (kind, data)]
    result = _libc.mount(source.encode(), target.encode(), args[0], flags, args[1])
    _checked(result, f"mount {kind or 'bind'} on {target}")


def bind(source: str, target: str, flags: int = 0) -> None:
    """A bind mount with the flags really in force (the first mount call ignores them)."""
    mount(source, target, flags=MS_BIND)
    if flags:
        mount("none", target, flags=MS_BIND | MS_REMOUNT | flags)


def detach(target: str) -> None:
    """Take a mount and those below it out of this namespace. Nothing mounted there is no error."""
    if _libc.umount2(target.encode(), MNT_DETACH) < 0 and ctypes.get_errno() not in (errno.EINVAL, errno.ENOENT):
        _checked(-1, f"umount {target}")


def unshare(flags: int) -> None:
    """unshare(2), for the calling thread."""
    _checked(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2), for the calling thread."""
    _checked(_libc.setns(fd, kind), "setns")


def watch_directory(path: str) -> int:
    """A non-blocking inotify descriptor, readable when a file has been written or moved into `path`."""
    fd = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK), "inotify_init1")
    try:
        _checked(_libc.inotify_add_watch(fd, path.encode(), IN_CLOSE_WRITE | IN_MOVED_TO), f"watch {path}")
    except OSError:
        os.close(fd)
        raise
    return fd


def inotify_names(data: bytes) -> list[str]:
    """The file names in what was read from an inotify descriptor."""
    names, offset = [], 0
    while offset < len(data):
        (length,) = struct.unpack_from("I", data, offset + 12)
        names.append(data[offset + 16 : offset + 16 + length].rstrip(b"\0").decode(errors="replace"))
        offset += 16 + length
    return names


def attach_loop(image_fd: int) -> tuple[int, str]:
    """A read-only loop device on the open image: (descriptor, path). It frees itself after the last use, so
    the descriptor must stay open until the device is mounted."""
    config = bytearray(_LOOP_CONFIG_SIZE)
    struct.pack_into("I", config, 0, image_fd)
    struct.pack_into("I", config, _LO_FLAGS_OFFSET, _LO_READ_ONLY | _LO_AUTOCLEAR)
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(50):
            path = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            device = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, bytes(config))
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # busy: another process took the number first
                    raise
                continue
            return device, path
    finally:
        os.close(control)
    raise OSError(errno.EBUSY, "no free loop device")
