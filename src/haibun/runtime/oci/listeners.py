"""Who listens on a port inside a dyno, read from the kernel's table of its network."""

from __future__ import annotations

from pathlib import Path

_LISTEN = "0A"
_LOOPBACK_V6 = "00000000000000000000000001000000"


def where(pid: int, port: int) -> str | None:
    """'any' if a client from outside can connect, 'loopback' if only the dyno itself can, else None."""
    found = None
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            address, _, number = words[1].partition(":")
            if words[3] != _LISTEN or int(number, 16) != port:
                continue
            if not _is_loopback(address):
                return "any"
            found = "loopback"
    return found


def _is_loopback(address: str) -> bool:
    """The kernel prints addresses in 32-bit words of its own byte order."""
    if len(address) == 8:
        return address.endswith("7F")
    return address == _LOOPBACK_V6 or (address.startswith("0" * 16 + "FFFF0000") and address.endswith("7F"))
