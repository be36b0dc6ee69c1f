"""Serves the files of a static site on $PORT. Runs in a dyno, on the stack's own Python; standard library only.

GET and HEAD of regular files below the root: no listings, no hidden files, nothing that a link leads out to.
`/` is index.html; an address without a match gets 404.html; unchanged files are answered with 304.
"""

import contextlib
import email.utils
import json
import mimetypes
import os
import signal
import sys
import threading
import urllib.parse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {
    ".avif": "image/avif",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
TEXT = ("application/json", "image/svg+xml", "application/manifest+json", "application/xml")
CHUNK_BYTES = 256 * 1024


def content_type(path):
    """The Content-Type of a file, by its name."""
    kind = (
        TYPES.get(os.path.splitext(path)[1].lower()) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    )
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind in TEXT else kind


class Site:
    """Which file answers an address. `root`: absolute, without links in it."""

    def __init__(self, root, clean_urls, error_page):
        self.root, self.clean_urls, self.error_page = os.path.realpath(root), clean_urls, error_page

    def inside(self, path):
        """The real path of a file below the root that may be served, or None."""
        real = os.path.realpath(path)
        below = real.startswith(self.root.rstrip("/") + "/")
        hidden = below and any(part.startswith(".") for part in real[len(self.root) :].split("/"))
        # What is asked for by a well-known address is meant to be seen.
        if hidden and not real.startswith(os.path.join(self.root, ".well-known", "")):
            return None
        return real if below and os.path.isfile(real) else None

    def find(self, target):
        """(file or None, address to go to instead or None) for a request's target."""
        raw = urllib.parse.urlsplit(target).path
        try:
            parts = urllib.parse.unquote(raw, errors="strict").split("/")
        except UnicodeDecodeError:
            return None, None
        if "\0" in "".join(parts) or ".." in parts:
            return None, None
        path = os.path.join(self.root, *[part for part in parts if part not in ("", ".")])
        if raw.endswith("/"):
            return self.inside(os.path.join(path, "index.html")), None
        if os.path.isdir(path) and self.inside(os.path.join(path, "index.html")):
            # One slash only in front: with two, a browser would take what follows for a host.
            return None, "/" + raw.strip("/") + "/"
        return self.inside(path) or (self.inside(path + ".html") if self.clean_urls else None), None


class Handler(BaseHTTPRequestHandler):
    """One connection. HTTP/1.1: it is kept open, and every answer has its length."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "haibun-static", ""
    timeout = 75
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def do_GET(self):
        site = self.server.site
        path, location = site.find(self.path)
        if location is not None:
            self._empty(HTTPStatus.MOVED_PERMANENTLY, Location=location)
        elif path is not None:
            self._file(HTTPStatus.OK, path)
        elif page := site.inside(os.path.join(site.root, site.error_page)):
            self._file(HTTPStatus.NOT_FOUND, page)
        else:
            self._text(HTTPStatus.NOT_FOUND, "404 Not Found\n")

    do_HEAD = do_GET

    def _file(self, status, path):
        try:
            file = open(path, "rb")  # noqa: SIM115 - closed below; only its opening is in the try
        except OSError:
            self._text(HTTPStatus.NOT_FOUND, "404 Not Found\n")
            return
        with file:
            seen = os.fstat(file.fileno())
            if status == HTTPStatus.OK and self._unchanged(seen.st_mtime):
                self._empty(HTTPStatus.NOT_MODIFIED)
                return
            self.send_response(status)
            self.send_header("Content-Type", content_type(path))
            self.send_header("Content-Length", str(seen.st_size))
            if status == HTTPStatus.OK:
                self.send_header("Last-Modified", email.utils.formatdate(seen.st_mtime, usegmt=True))
            self.end_headers()
            if self.command != "HEAD":
                while chunk := file.read(CHUNK_BYTES):
                    self.wfile.write(chunk)

    def _unchanged(self, modified):
        since = self.headers.get("If-Modified-Since")
        if since is None or "If-None-Match" in self.headers:
            return False
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            return int(modified) <= email.utils.parsedate_to_datetime(since).timestamp()
        return False

    def _text(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _empty(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        """The router logs every request; a second line of each would say nothing new."""


class Server(ThreadingHTTPServer):
    """Listens on all of the dyno's addresses."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port, site):
        self.site = site
        super().__init__(("", port), Handler)

    def handle_error(self, request, client_address):
        """A visitor who leaves early is no error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def main():
    """Serve until SIGTERM, then let what is being answered finish."""
    with open(os.path.join(HERE, "settings.json")) as file:
        settings = json.load(file)
    app = os.path.dirname(os.path.dirname(HERE))
    site = Site(os.path.join(app, settings["root"]), settings["clean_urls"], settings["error_page"])
    port = os.environ.get("PORT", "")
    if not port.isdigit():
        sys.exit("Error: PORT is not set, so there is nowhere to listen. Only a web dyno has it.")
    server = Server(int(port), site)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"Serving {settings['root']}/ on port {port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
