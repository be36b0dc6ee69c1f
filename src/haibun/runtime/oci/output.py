"""Files that take what a dyno writes. Their folders belong to the unprivileged user, who may try tricks with
links; so every step goes by descriptor and follows none. Never reads or rotates them."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from haibun.core.errors import Final, Temporary
from haibun.runtime.driver import DynoSpec
from haibun.runtime.oci.config import OciConfig

_NO_LINKS = os.O_NOFOLLOW | os.O_CLOEXEC


def open_output(config: OciConfig, spec: DynoSpec) -> int:
    """A descriptor of `<app_id>/<name>.<id>.log`, appending, 0640 of the log owner. The caller closes it.

    An attached dyno's is `….attached.log`: its output is its client's and no app log.

    Its inode is what counts: conmon opens it again by /proc, not by name.
    """
    uid, gid = config.log_owner
    try:
        top = os.open(config.layout.output, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            folder = _folder(top, spec.app_id, uid, gid)
        finally:
            os.close(top)
        try:
            suffix = "attached.log" if spec.stdin else "log"
            return _file(folder, f"{spec.name}.{spec.id}.{suffix}", uid, gid)
        finally:
            os.close(folder)
    except OSError as error:
        raise Temporary(f"The output file of {spec.name} cannot be made: {error}.") from error


def _folder(top: int, name: str, uid: int, gid: int) -> int:
    if not _there(top, name):
        # Readers find it when it is theirs, not before.
        with suppress(FileExistsError):
            os.mkdir(f".{name}", 0o750, dir_fd=top)
        os.chown(f".{name}", uid, gid, dir_fd=top, follow_symlinks=False)
        with suppress(OSError):  # another dyno of the app was first
            os.rename(f".{name}", name, src_dir_fd=top, dst_dir_fd=top)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS, dir_fd=top)


def _file(folder: int, name: str, uid: int, gid: int) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | _NO_LINKS
    if _there(folder, name):
        fd = os.open(name, flags, dir_fd=folder)
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink != 1 or seen.st_uid != uid:
            os.close(fd)
            raise Final("output", f"The output file {name} is not a plain file of the platform's user.") from None
        return fd
    with suppress(FileNotFoundError):
        os.unlink(f".{name}", dir_fd=folder)
    fd = os.open(f".{name}", flags | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=folder)
    os.fchown(fd, uid, gid)
    os.fchmod(fd, 0o640)
    os.rename(f".{name}", name, src_dir_fd=folder, dst_dir_fd=folder)
    return fd


def _there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
