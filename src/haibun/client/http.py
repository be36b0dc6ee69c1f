"""One conversation with the Platform API: JSON in, JSON out, over one kept connection.

It knows headers, pages and errors of the API. It never prints, and knows no noun of the API.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from haibun.client.errors import ApiError, ClientError, NotLoggedIn, Unreachable
from haibun.client.hosts import Host
from haibun.client.trust import tls_context
from haibun.client.version import USER_AGENT

ACCEPT = "application/vnd.heroku+json; version=3"
TIMEOUT_SECONDS = 60.0
WARNINGS = ("X-Heroku-Warning", "Warning-Message")


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


class Api:
    """The Platform API of one platform. `warn` hears the warnings that the platform adds to its answers."""

    def __init__(self, host: Host, token: str | None, *, warn: Callable[[str], None] = lambda _: None) -> None:
        self.host = host
        self._token = token
        self._warn = warn
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Any:
        """One thing, or a list that is never long."""
        return self.request("GET", path)[0]

    def get_list(self, path: str, range: str | None = None) -> list[Any]:
        """Every page of a list; with `range` (`version ..; max=15, order=desc`) just that page."""
        items, headers = self.request("GET", path, headers={"Range": range} if range else {})
        while not range and (more := headers.get("Next-Range")):
            page, headers = self.request("GET", path, headers={"Range": more})
            items += page
        return list(items)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Create, or do."""
        return self.request("POST", path, {} if body is None else body, headers)[0]

    def patch(self, path: str, body: Any) -> Any:
        """Change."""
        return self.request("PATCH", path, body)[0]

    def put(self, path: str, body: Any) -> Any:
        """Replace."""
        return self.request("PUT", path, body)[0]

    def delete(self, path: str) -> Any:
        """Take away."""
        return self.request("DELETE", path)[0]

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Any, http.client.HTTPMessage]:
        """(value, headers) of the answer. ApiError, NotLoggedIn or Unreachable."""
        sent = {"Accept": ACCEPT, "User-Agent": USER_AGENT, **(headers or {})}
        if "Authorization" not in sent:
            if not self._token:
                raise NotLoggedIn("not logged in")
            sent["Authorization"] = f"Bearer {self._token}"
        data = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        response = self._send(method, path, data, sent)
        text = _body(response, self.host.url)
        for name in WARNINGS:
            for warning in response.headers.get_all(name, []):
                self._warn(warning)
        value = _json(text)
        if response.status >= 400 or value is INVALID:
            raise api_error(response.status, value, text, self.host.url)
        return value, response.headers

    def _send(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        """Send; once more on a new connection if a kept one was closed meanwhile and asking twice is harmless."""
        kept = self._connection is not None
        connection = self._connection or connect(self.host.url, self.host.ca_file, TIMEOUT_SECONDS)
        self._connection = connection
        try:
            connection.request(method, path, data, headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._connection = None
            if kept and method == "GET" and not isinstance(error, TimeoutError):
                return self._send(method, path, data, headers)
            raise unreachable(self.host.url, error) from error


def connect(url: str, ca_file: str | None, timeout: float) -> http.client.HTTPConnection:
    """A connection for `url`, not opened yet; https is verified, against `ca_file` too if given."""
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise ClientError(f"The server gave an address that this client cannot use: {url}")
    if parts.scheme == "https":
        context = tls_context(ca_file)
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)


def open_stream(
    url: str, ca_file: str | None, headers: Mapping[str, str], *, timeout: float
) -> http.client.HTTPResponse:
    """GET a stream that the platform named. The URL is the secret: the token is never sent there."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = connect(url, ca_file, timeout)
    try:
        connection.request("GET", path, headers={"User-Agent": USER_AGENT, **headers})
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise unreachable(f"{parts.scheme}://{parts.netloc}", error) from error


INVALID = object()


def _json(text: bytes) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except ValueError:
        return INVALID


def _body(response: http.client.HTTPResponse, url: str) -> bytes:
    try:
        return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise unreachable(url, error) from error


def api_error(status: int, value: Any, text: bytes, url: str) -> ClientError:
    """What an answer of `status` means."""
    body = value if isinstance(value, dict) else {}
    message = body.get("message")
    if status == 401:
        return NotLoggedIn(str(message or "Invalid credentials provided."))
    if not isinstance(message, str):
        start = " ".join(text[:200].decode("utf-8", "replace").split())
        message = f"{url} answered with HTTP status {status} and not as a Haibun server does: {start}"
    app = body.get("app")
    name = app.get("name") if isinstance(app, dict) else None
    return ApiError(message, id=body.get("id"), status=status, app=name)


def unreachable(url: str, error: Exception) -> Unreachable:
    """Why nobody answers, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(
            f"The certificate of {url} is not trusted: {error.verify_message}. If the server has its own "
            f"certificate authority, get its ca.pem and run: haibun login --host {url} --ca-file ca.pem"
        )
    if isinstance(error, TimeoutError):
        why = "it does not answer in time"
    elif isinstance(error, http.client.RemoteDisconnected | ConnectionResetError):
        why = "it closed the connection without an answer"
    elif isinstance(error, http.client.HTTPException):
        why = "what answers there does not speak HTTP"
    else:
        why = (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
    advice = "Is it the right address (HAIBUN_HOST, or haibun login --host URL), and is the server running?"
    if Host(url).is_loopback:
        advice = "Start it with: haibun up"
    return Unreachable(f"Can't reach the Haibun server at {url}: {why}. {advice}")
