"""Networks of dynos, made ahead of need: a namespace, a pair of links, an address, routes, a view of /sys.

A network is held by its descriptor alone: when the descriptor and the last process in it are gone, the kernel
takes links and routes away. It never filters traffic; firewall.py does.
"""

from __future__ import annotations

import os
import queue
import random
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from haibun.core.errors import Temporary
from haibun.runtime.oci import syscalls as sc
from haibun.runtime.oci.config import GATEWAY, OciConfig
from haibun.runtime.oci.netlink import SCOPE_LINK, Netlink, exists
from haibun.runtime.oci.private_mounts import PrivateMounts

TAKE_SECONDS = 10.0
RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class Network:
    """`fd` holds the namespace; `sys` is a sysfs of it, mounted in the runtime's staging area."""

    fd: int
    ip: str
    link: str
    sys: Path

    @property
    def path(self) -> str:
        """How another process of the host opens the namespace."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"


class Networks:
    """A few networks ready to be taken, made by one thread that lives among the runtime's mounts."""

    def __init__(self, config: OciConfig, mounts: PrivateMounts) -> None:
        self._config = config
        self._mounts = mounts
        self._ready: queue.Queue[Network] = queue.Queue()
        self._wanted = threading.Semaphore(0)
        self._coming = 0
        self._waiting = 0
        self._lock = threading.Lock()
        self._used: set[int] = set()
        self._size = config.subnet.num_addresses
        self._next = random.randrange(1, self._size - 1)  # noqa: S311 - spreads addresses, guards nothing
        self._closing = False
        self._trouble = ""
        self._thread = threading.Thread(target=self._work, name="haibun-networks", daemon=True)

    def open(self, taken: set[str]) -> None:
        """Start making networks, none with an address of `taken` (dynos that were adopted)."""
        first = int(self._config.subnet.network_address)
        self._used = {int(IPv4Address(ip)) - first for ip in taken}
        self._thread.start()
        self.refill()

    def take(self) -> Network:
        """One for good. Temporary if none can be made. Call refill() once the hurry is over."""
        with self._lock:
            self._waiting += 1
        try:
            if self._ready.empty():
                self.refill()
            return self._ready.get(timeout=TAKE_SECONDS)
        except queue.Empty:
            reason = self._trouble or "it takes too long"
            raise Temporary(f"No network for the dyno: {reason}.", after_seconds=5) from None
        finally:
            with self._lock:
                self._waiting -= 1

    def refill(self) -> None:
        """Have networks made until the spares and those who wait are served."""
        with self._lock:
            while self._ready.qsize() + self._coming < self._config.spare_networks + self._waiting:
                self._coming += 1
                self._wanted.release()

    def give_back(self, ip: str | None) -> None:
        """The dyno with that address is gone; the address may be used again, later."""
        if ip:
            with self._lock:
                self._used.discard(int(IPv4Address(ip)) - int(self._config.subnet.network_address))

    def close(self) -> None:
        """Stop, and drop what nobody took."""
        self._closing = True
        self._wanted.release()
        if self._thread.is_alive():
            self._thread.join()
        with suppress(queue.Empty):
            while True:
                os.close(self._ready.get_nowait().fd)

    def _work(self) -> None:
        self._mounts.enter()
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            with Netlink() as host:
                while True:
                    self._wanted.acquire()
                    if self._closing:
                        return
                    self._make_one(host, home)
        finally:
            os.close(home)

    def _make_one(self, host: Netlink, home: int) -> None:
        while not self._closing:
            index = self._pick()
            try:
                made = self._make(host, home, index)
            except OSError as error:
                self._trouble = str(error)
                with self._lock:
                    self._used.discard(index)
                if not exists(error):
                    threading.Event().wait(RETRY_SECONDS)
                continue
            self._trouble = ""
            with self._lock:
                self._coming -= 1
                self._ready.put(made)
            return

    def _pick(self) -> int:
        """The next free address, round and round: one just freed may still have a link on its way out."""
        with self._lock:
            for _ in range(self._size):
                self._next = self._next % (self._size - 2) + 1
                if self._next not in self._used:
                    self._used.add(self._next)
                    return self._next
        raise OSError("every address of the subnet is in use")

    def _make(self, host: Netlink, home: int, index: int) -> Network:
        ip = self._config.subnet.network_address + index
        link = f"{self._config.link_prefix}{index:04x}"
        fd = -1
        sc.unshare(sc.CLONE_NEWNET)
        try:
            fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            _setting("ipv6/conf/default/disable_ipv6", "1")  # lo keeps ::1; the link speaks IPv4 only
            host.make_veth(link, "eth0", fd)
            self._furnish_inside(ip)
            sysfs = self._config.staging / "sys" / f"{index:04x}"
            sysfs.mkdir(exist_ok=True)
            sc.mount("sysfs", str(sysfs), "sysfs", sc.MS_RDONLY | sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC)
            sc.setns(home, sc.CLONE_NEWNET)
            near = socket.if_nametoindex(link)
            host.link_up(near)
            _setting(f"ipv6/conf/{link}/disable_ipv6", "1")
            host.add_address(near, GATEWAY, SCOPE_LINK)
            host.add_route(near, ip)
        except BaseException:
            sc.setns(home, sc.CLONE_NEWNET)
            if fd >= 0:
                os.close(fd)
            raise
        return Network(fd, str(ip), link, sysfs)

    def _furnish_inside(self, ip: IPv4Address) -> None:
        with Netlink() as inside:
            inside.link_up(1)
            far = socket.if_nametoindex("eth0")
            inside.link_up(far)
            inside.add_address(far, ip)
            inside.add_route(far, GATEWAY)
            inside.add_route(far, None, GATEWAY)


def _setting(name: str, value: str) -> None:
    """A setting of the namespace that the thread is in; hosts without IPv6 have none of its names."""
    with suppress(FileNotFoundError):
        Path("/proc/sys/net", name).write_text(value)
