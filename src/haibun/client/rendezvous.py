"""The client's end of an attached dyno: the TLS line, its greeting, and the exit code in its output.

`rendezvous://HOST:PORT/SECRET`: TLS to HOST:PORT, write `SECRET\\r\\n`, the first chunk that comes back is a
greeting, then raw bytes both ways until the server closes. The exit code comes as text in the output: the command
sent ends in `; echo "\\uFFFF heroku-command-exit-status: $?"`, as the stock CLI's `run -x` does.
This file knows nothing of terminals.
"""

from __future__ import annotations

import re
import socket
import ssl
from urllib.parse import urlsplit

from haibun.client.errors import ClientError
from haibun.client.http import unreachable
from haibun.client.trust import tls_context

CONNECT_SECONDS = 30.0
MARKER = "\uffff heroku-command-exit-status: "
SUFFIX = f' ; echo "{MARKER}$?"'
_MARK = MARKER.encode()
_STATUS = re.compile(re.escape(_MARK) + rb"(\d+)\r?\n")
GREETING = b"rendezvous\r\n"


def with_exit_code(command: str) -> str:
    """The command to send so that its exit code comes back."""
    return command + SUFFIX


def without_exit_code(command: str) -> str:
    """The command as its user typed it."""
    return command.removesuffix(SUFFIX)


class Greeting:
    """Takes the greeting off the front of what the server sends. `other`: one that is not the usual word."""

    def __init__(self) -> None:
        self.heard = False
        self.other = b""
        self._start = b""

    def feed(self, chunk: bytes) -> bytes:
        """What of `chunk` is output of the dyno."""
        if self.heard:
            return chunk
        self._start += chunk
        if GREETING.startswith(self._start) and self._start != GREETING:
            return b""
        self.heard = True
        if self._start.startswith(GREETING):
            return self._start[len(GREETING) :]
        # Any other first chunk is a greeting too, to the stock CLI; or the reason why there is no session.
        self.other = self._start
        return b""


class ExitCode:
    """Takes the marker with the exit code out of the output, however it is cut into chunks."""

    def __init__(self) -> None:
        self.code: int | None = None
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Output that is certainly no part of a marker."""
        self._held += chunk
        while found := _STATUS.search(self._held):
            self.code = int(found[1])
            self._held = self._held[: found.start()] + self._held[found.end() :]
        ready = self._safe_length()
        output, self._held = self._held[:ready], self._held[ready:]
        return output

    def finish(self) -> bytes:
        """What was held back when the output ended."""
        if found := re.search(re.escape(_MARK) + rb"(\d+)", self._held):
            self.code = int(found[1])
            self._held = self._held[: found.start()] + self._held[found.end() :]
        output, self._held = self._held, b""
        return output

    def _safe_length(self) -> int:
        start = self._held.rfind(_MARK)
        if start >= 0 and re.fullmatch(rb"\d*\r?", self._held[start + len(_MARK) :]):
            return start
        for length in range(min(len(_MARK) - 1, len(self._held)), 0, -1):
            if self._held.endswith(_MARK[:length]):
                return len(self._held) - length
        return len(self._held)


class Newlines:
    """`\\r\\n` to `\\n`: a dyno's terminal wrote the first, a file or pipe wants the second."""

    def __init__(self) -> None:
        self._return = b""

    def feed(self, chunk: bytes) -> bytes:
        """The converted chunk; a `\\r` at its end waits for what follows."""
        chunk = self._return + chunk
        self._return = b"\r" if chunk.endswith(b"\r") else b""
        return chunk[: len(chunk) - len(self._return)].replace(b"\r\n", b"\n")

    def finish(self) -> bytes:
        """The `\\r` that nothing followed."""
        last, self._return = self._return, b""
        return last


def dial(attach_url: str, ca_file: str | None) -> ssl.SSLSocket:
    """The open line with the secret sent, non-blocking. Unreachable if nobody answers or is not trusted."""
    parts = urlsplit(attach_url)
    if not parts.hostname or not parts.port or parts.scheme != "rendezvous":
        raise ClientError(f"The server gave no address to attach to that this client can use: {attach_url}")
    secret = parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
    try:
        plain = socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = tls_context(ca_file).wrap_socket(plain, server_hostname=parts.hostname)
        line.sendall(f"{secret}\r\n".encode())
        line.setblocking(False)
    except OSError as error:
        raise unreachable(f"https://{parts.hostname}:{parts.port}", error) from error
    return line
