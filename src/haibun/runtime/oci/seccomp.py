"""System calls that no dyno needs and whose kernel code an attacker would like to reach.

A list of what is denied, not of what is allowed: dynos have no capabilities, cannot gain any and live in
user namespaces of their own, so most of these fail anyway; the filter keeps even their first lines out of
reach. A list of the allowed would break apps on every new libc, and costs more to load at each boot.
"""

from __future__ import annotations

import errno
from typing import Any

# EPERM: programs take it as "not here".
DENIED = (
    # mounts and namespaces: the usual way into the kernel from inside a container
    "mount umount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr "
    "mount_setattr unshare setns statmount listmount "
    # kernel, modules, machine
    "init_module finit_module delete_module create_module query_module get_kernel_syms kexec_load kexec_file_load "
    "reboot swapon swapoff iopl ioperm acct syslog nfsservctl lookup_dcookie uselib sysfs _sysctl vm86 vm86old "
    "modify_ldt bdflush "
    # rich, often broken interfaces that web apps do not use
    "bpf userfaultfd perf_event_open keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register "
    "fanotify_init name_to_handle_at open_by_handle_at quotactl quotactl_fd vmsplice "
    # clocks and numbers of the host
    "settimeofday stime clock_settime clock_settime64 clock_adjtime clock_adjtime64 adjtimex "
    "sethostname setdomainname "
    # memory of others, placement
    "process_vm_writev move_pages migrate_pages mbind set_mempolicy set_mempolicy_home_node vhangup"
).split()

# Namespaces of clone(): NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET, each bit alone is enough.
NAMESPACE_FLAGS = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
# Families of sockets with little use and a long record: RDS CAN TIPC BLUETOOTH ALG NFC VSOCK PACKET, older ones.
SOCKET_FAMILIES = (3, 4, 5, 6, 9, 11, 12, 15, 17, 19, 21, 29, 30, 31, 35, 37, 38, 39, 40, 41, 42, 43, 44)


def profile() -> dict[str, Any]:
    """The `linux.seccomp` part of a bundle. It names no architecture, which means the host's own: programs of
    another (32 bit) are killed at their first call, since that way into the kernel is little used and tried."""
    rules: list[dict[str, Any]] = [_errno(DENIED, errno.EPERM)]
    # clone3 hides its flags from filters; without it libc falls back to clone
    rules.append(_errno(["clone3"], errno.ENOSYS))
    for flag in NAMESPACE_FLAGS:
        argument = {"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}
        rules.append(_errno(["clone"], errno.EPERM) | {"args": [argument]})
    for family in SOCKET_FAMILIES:
        argument = {"index": 0, "value": family, "op": "SCMP_CMP_EQ"}
        rules.append(_errno(["socket"], errno.EAFNOSUPPORT) | {"args": [argument]})
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": rules,
    }


def _errno(names: list[str] | tuple[str, ...], number: int) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": number}
