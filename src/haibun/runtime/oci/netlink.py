"""rtnetlink, the half dozen messages a dyno's network needs.

Written here since the library for it costs the resident runtime 27 MB and 0.4 s of start, more than all the
rest of it together. It never decides addresses or names.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from ipaddress import IPv4Address

_NEWLINK, _DELLINK, _NEWADDR, _NEWROUTE = 16, 17, 20, 24
_REQUEST, _ACK, _EXCL, _CREATE = 1, 4, 0x200, 0x400
_IFF_UP = 1
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 3, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_NESTED = 0x8000
_TABLE_MAIN, _PROTO_STATIC, _UNICAST = 254, 4, 1
SCOPE_UNIVERSE, SCOPE_LINK = 0, 253


class Netlink:
    """A route socket in the network namespace of the thread that makes it. One thread at a time."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def link_up(self, index: int) -> None:
        self._ask(_NEWLINK, 0, _link(index, up=True))

    def make_veth(self, name: str, peer: str, peer_netns: int) -> None:
        """A pair, both ends down; the far one is born inside the namespace of that descriptor."""
        far = (
            _link(0, up=False)
            + _text(_IFLA_IFNAME, peer)
            + _attribute(_IFLA_NET_NS_FD, struct.pack("I", peer_netns))
        )
        data = _attribute(_INFO_DATA | _NESTED, _attribute(_VETH_PEER | _NESTED, far))
        info = _attribute(_IFLA_LINKINFO | _NESTED, _text(_INFO_KIND, "veth") + data)
        self._ask(_NEWLINK, _CREATE | _EXCL, _link(0, up=False) + _text(_IFLA_IFNAME, name) + info)

    def remove_link(self, index: int) -> None:
        self._ask(_DELLINK, 0, _link(index, up=False))

    def add_address(self, index: int, address: IPv4Address, scope: int = SCOPE_UNIVERSE) -> None:
        """A /32 on the link."""
        head = struct.pack("BBBBI", socket.AF_INET, 32, 0, scope, index)
        body = _attribute(_IFA_LOCAL, address.packed) + _attribute(_IFA_ADDRESS, address.packed)
        self._ask(_NEWADDR, _CREATE | _EXCL, head + body)

    def add_route(self, index: int, to: IPv4Address | None, via: IPv4Address | None = None) -> None:
        """A route to one address (None: to everywhere), on the link or by way of `via`."""
        scope = SCOPE_UNIVERSE if via else SCOPE_LINK
        bits = 32 if to else 0
        head = struct.pack("BBBBBBBBI", socket.AF_INET, bits, 0, 0, _TABLE_MAIN, _PROTO_STATIC, scope, _UNICAST, 0)
        body = _attribute(_RTA_OIF, struct.pack("I", index))
        if to:
            body += _attribute(_RTA_DST, to.packed)
        if via:
            body += _attribute(_RTA_GATEWAY, via.packed)
        self._ask(_NEWROUTE, _CREATE | _EXCL, head + body)

    def _ask(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        header = struct.pack("IHHII", 16 + len(body), kind, _REQUEST | _ACK | flags, self._sequence, 0)
        self._socket.send(header + body)
        while True:
            answer = self._socket.recv(65536)
            _, kind_seen, _, sequence, _ = struct.unpack_from("IHHII", answer)
            if kind_seen == 2 and sequence == self._sequence:  # NLMSG_ERROR, also the acknowledgement
                (code,) = struct.unpack_from("i", answer, 16)
                if code:
                    raise OSError(-code, os.strerror(-code), f"netlink request {kind}")
                return


def exists(error: OSError) -> bool:
    """Whether the request failed since there is such a thing already."""
    return error.errno == errno.EEXIST


def _link(index: int, *, up: bool) -> bytes:
    flag = _IFF_UP if up else 0
    return struct.pack("BBHiII", socket.AF_UNSPEC, 0, 0, index, flag, flag)


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")
