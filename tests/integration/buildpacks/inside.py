"""Run as root in a mount and pid namespace of its own: lays a stack tree out as a dyno's root, becomes uid 1000.

argv: one JSON object {tree, binds: [[from, to, writable]], tmp_dirs, env, argv, cwd}. Ends with exec.
"""

import ctypes
import json
import os
import sys

MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, SIGKILL = 1, 9
UID = 1000


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    arguments = [one.encode() if one is not None else None for one in (source, target, kind)]
    if LIBC.mount(*arguments, flags, data.encode() if data else None):
        number = ctypes.get_errno()
        raise OSError(number, f"mount {source} on {target}: {os.strerror(number)}")


def bind(source: str, target: str, *, writable: bool) -> None:
    mount(source, target, None, MS_BIND)
    if not writable:
        mount(source, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY)


def main() -> None:
    wanted = json.loads(sys.argv[1])
    root = wanted["tree"]
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    bind(root, root, writable=False)
    # The kernel looks the path up again: what follows lands on the bind just made, not below it.
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID, "mode=1777")
    mount("proc", f"{root}/proc", "proc", MS_NOSUID)
    mount("/dev", f"{root}/dev", None, MS_BIND | MS_REC)
    for one in wanted["tmp_dirs"]:
        os.mkdir(f"{root}{one}", 0o755)
    for source, target, writable in wanted["binds"]:
        bind(source, root + target, writable=writable)
    os.chroot(root)
    os.chdir(wanted["cwd"])
    os.setgroups([])
    os.setgid(UID)
    os.setuid(UID)
    # A change of user clears what unshare's --kill-child had set.
    LIBC.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    os.execve(wanted["argv"][0], wanted["argv"], wanted["env"])


main()
