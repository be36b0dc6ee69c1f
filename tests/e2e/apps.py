"""Small apps that the end-to-end tests push. Without packages, so that a push takes a second."""

from __future__ import annotations

SERVER = """\
import http.server, os, sys, threading, time, json

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1)
        if self.path == "/env":
            body = json.dumps(dict(os.environ)).encode()
        elif self.path == "/headers":
            body = json.dumps({k.lower(): v for k, v in self.headers.items()}).encode()
        elif self.path == "/crash":
            os._exit(3)
        else:
            body = f"{VERSION} from {os.environ['DYNO']}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        print("served", self.path, flush=True)

    def handle(self):
        try:
            super().handle()
        except ConnectionResetError:
            pass  # the router lets go of a connection it does not need any more

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

print("hello from", os.environ["DYNO"], flush=True)
Server(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


def server(version: str, **more: str) -> dict[str, str]:
    """A web app that says its version and its dyno."""
    return {
        "app.py": f"VERSION = {version!r}\n" + SERVER,
        "requirements.txt": "",
        ".python-version": "3.14\n",
        "Procfile": "web: python app.py\nworker: python -u worker.py\n",
        "worker.py": "import time\nwhile True:\n    print('tick', flush=True)\n    time.sleep(5)\n",
        **more,
    }


def broken(code: str) -> dict[str, str]:
    """A web app whose start is this code."""
    return server("broken") | {"app.py": code}
