"""The pre-receive hook: a program of its own that git starts, copied out of here with a shebang.

Owns the inner end of the talk with the room: refs and quarantine go out, output and the verdict come in, as
pkt-lines over a socket that git handed down. Never decides anything. Imports nothing but `posix`, since every
push waits for its start (12 ms instead of 27).
"""

import posix

QUARANTINE = (b"GIT_QUARANTINE_PATH", b"GIT_OBJECT_DIRECTORY", b"GIT_ALTERNATE_OBJECT_DIRECTORIES")


def read_all(fd: int) -> bytes:
    pieces = []
    while piece := posix.read(fd, 65536):
        pieces.append(piece)
    return b"".join(pieces)


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[posix.write(fd, data) :]


def pkt(payload: bytes) -> bytes:
    return b"%04x" % (len(payload) + 4) + payload


def ask(fd: int) -> None:
    """Quarantine as NAME=value, a flush, the ref lines, a flush."""
    environ = posix.environ
    names = [pkt(name + b"=" + environ[name]) for name in QUARANTINE if name in environ]
    refs = [pkt(line) for line in read_all(0).splitlines()]
    write_all(fd, b"".join([*names, b"0000", *refs, b"0000"]))


def relay(fd: int) -> int:
    """Payloads `o<bytes>` are for the pusher, `v<digit>` is the verdict. Returns the exit status."""
    buffer = b""
    while piece := posix.read(fd, 65536):
        buffer += piece
        while len(buffer) >= 4 and len(buffer) >= (size := int(buffer[:4], 16)):
            payload, buffer = buffer[4:size], buffer[size:]
            if payload[:1] == b"v":
                return int(payload[1:])
            write_all(2, payload[1:])
    write_all(2, b"\n !     The platform stopped while it worked on this push. Push again.\n")
    return 1


def main() -> int:
    try:
        fd = int(posix.environ[b"HAIBUN_HOOK_FD"])
        ask(fd)
        return relay(fd)
    except OSError:  # one of the two sides is gone; nobody is left to tell
        return 1


if __name__ == "__main__":
    posix._exit(main())
