"""A small platform at the CLI's seam: HTTP answers in the shapes of the API's schema, from a little state.

It has no rules of its own. What it must get right is what the CLI relies on: shapes, status codes, paging, the SSE
of log sessions, and the TLS line of attached dynos.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "HRKU-00000000-1111-2222-3333-444444444444"
EMAIL = "me@example.com"
WHEN = "2026-01-02T03:04:05Z"


def new_id() -> str:
    return str(uuid.uuid4())


USER = {"id": new_id(), "email": EMAIL}


class Refusal(Exception):
    def __init__(self, status: int, id: str, message: str, **more: Any) -> None:
        self.status = status
        self.body = {"id": id, "message": message, **more}


class Platform:
    """State and routes. `requests`: (method, path, body) of every request but those of log streams."""

    def __init__(self) -> None:
        self.apps: dict[str, dict[str, Any]] = {}
        self.config: dict[str, dict[str, str]] = {}
        self.releases: dict[str, list[dict[str, Any]]] = {}
        self.formation: dict[str, list[dict[str, Any]]] = {}
        self.dynos: dict[str, list[dict[str, Any]]] = {}
        self.buildpacks: dict[str, list[str]] = {}
        self.domains: dict[str, list[dict[str, Any]]] = {}
        self.tokens = {TOKEN}
        self.two_factor: str | None = None
        self.page_size = 2
        self.log_connections: list[list[bytes]] = []
        self.log_requests: list[dict[str, str]] = []
        self.attach_url = ""
        self.warning: str | None = None
        self.requests: list[tuple[str, str, Any]] = []
        self.url = ""

    # -- state
    def add_app(self, name: str) -> dict[str, Any]:
        if name in self.apps:
            raise Refusal(422, "invalid_params", f"Name {name} is already taken")
        stack = {"id": new_id(), "name": "heroku-24"}
        app = {
            "acm": False,
            "archived_at": None,
            "buildpack_provided_description": None,
            "build_stack": stack,
            "created_at": WHEN,
            "generation": {"id": new_id(), "name": "cedar"},
            "git_url": f"https://git.example.com/{name}.git",
            "id": new_id(),
            "internal_routing": None,
            "maintenance": False,
            "name": name,
            "owner": USER,
            "organization": None,
            "team": None,
            "region": {"id": new_id(), "name": "us"},
            "released_at": WHEN,
            "repo_size": 0,
            "slug_size": 27_000_000,
            "space": None,
            "stack": stack,
            "updated_at": WHEN,
            "web_url": f"https://{name}.example.com/",
        }
        self.apps[name] = app
        self.config[name] = {}
        self.releases[name] = []
        self.formation[name] = [self._process_type(app, "web", 1), self._process_type(app, "worker", 0)]
        self.dynos[name] = []
        self.buildpacks[name] = []
        self.domains[name] = [self._domain(app, f"{name}.example.com", "heroku")]
        self.add_release(name, "Initial release")
        return app

    def add_release(self, app: str, description: str, **more: Any) -> dict[str, Any]:
        history = self.releases[app]
        for release in history:
            release["current"] = False
        release = {
            "addon_plan_names": [],
            "app": {"id": self.apps[app]["id"], "name": app},
            "artifacts": [],
            "created_at": WHEN,
            "current": True,
            "description": description,
            "eligible_for_rollback": True,
            "id": new_id(),
            "output_stream_url": None,
            "slug": {"id": new_id()} if history else None,
            "status": "succeeded",
            "updated_at": WHEN,
            "user": USER,
            "version": len(history) + 1,
            **more,
        }
        history.append(release)
        return release

    def add_dyno(self, app: str, name: str, command: str, **more: Any) -> dict[str, Any]:
        dyno = {
            "app": {"id": self.apps[app]["id"], "name": app},
            "attach_url": None,
            "command": command,
            "created_at": WHEN,
            "id": new_id(),
            "name": name,
            "release": {"id": new_id(), "version": len(self.releases[app])},
            "size": "Basic",
            "state": "up",
            "type": name.partition(".")[0],
            "updated_at": WHEN,
            **more,
        }
        self.dynos[app].append(dyno)
        return dyno

    def _process_type(self, app: dict[str, Any], kind: str, quantity: int) -> dict[str, Any]:
        return {
            "app": {"id": app["id"], "name": app["name"]},
            "command": f"run-{kind}",
            "created_at": WHEN,
            "dyno_size": {"id": new_id(), "name": "Basic"},
            "id": new_id(),
            "quantity": quantity,
            "size": "Basic",
            "type": kind,
            "updated_at": WHEN,
        }

    def _domain(self, app: dict[str, Any], hostname: str, kind: str) -> dict[str, Any]:
        return {
            "acm_status": None,
            "acm_status_reason": None,
            "app": {"id": app["id"], "name": app["name"]},
            "cname": None if kind == "heroku" else f"{app['name']}.dns.example.com",
            "created_at": WHEN,
            "hostname": hostname,
            "id": new_id(),
            "kind": kind,
            "sni_endpoint": None,
            "status": "none" if kind == "heroku" else "pending",
            "updated_at": WHEN,
        }

    # -- requests
    def answer(self, method: str, path: str, body: Any, headers: Any) -> tuple[int, Any, dict[str, str]]:
        """(status, JSON value, headers)."""
        assert headers["Accept"].startswith("application/vnd.heroku+json; version=3")
        if (method, path) == ("POST", "/oauth/authorizations"):
            return 201, self._authorize(headers), {}
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise Refusal(401, "unauthorized", "Invalid credentials provided.")
        for route_method, pattern, handler in ROUTES:
            if route_method == method and (match := re.fullmatch(pattern, path)):
                for app in match.groupdict().get("app", "") and [match["app"]]:
                    if app not in self.apps:
                        raise Refusal(404, "not_found", "Couldn't find that app.", resource="app")
                return handler(self, match, body, headers)
        raise Refusal(404, "not_found", "The requested API endpoint was not found.")

    def _authorize(self, headers: Any) -> dict[str, Any]:
        given = base64.b64decode(headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if given != f"{EMAIL}:open sesame":
            raise Refusal(401, "unauthorized", "Invalid credentials provided.")
        if self.two_factor and headers.get("Heroku-Two-Factor-Code") != self.two_factor:
            raise Refusal(403, "two_factor", "Two-factor code is required.")
        return self._authorization(TOKEN)

    def _authorization(self, token: str) -> dict[str, Any]:
        return {
            "access_token": {"expires_in": 2592000, "id": new_id(), "token": token},
            "client": None,
            "created_at": WHEN,
            "description": "a token",
            "grant": None,
            "id": "11111111-2222-3333-4444-555555555555",
            "refresh_token": None,
            "scope": ["global"],
            "session": None,
            "updated_at": WHEN,
            "user": {**USER, "full_name": None},
        }


def account(platform: Platform, *_: Any) -> Any:
    return 200, {"id": USER["id"], "email": EMAIL, "name": None, "two_factor_authentication": False}, {}


def authorizations(platform: Platform, *_: Any) -> Any:
    return 200, [platform._authorization(token) for token in platform.tokens], {}


def revoke(platform: Platform, *_: Any) -> Any:
    platform.tokens.clear()
    return 200, platform._authorization(TOKEN), {}


def create_app(platform: Platform, match: Any, body: Any, _: Any) -> Any:
    return 201, platform.add_app(body.get("name") or "quiet-moon-12345"), {}


def list_apps(platform: Platform, match: Any, body: Any, headers: Any) -> Any:
    """Pages of `page_size`, by name."""
    start = int(re.search(r"name (\d*)", headers.get("Range") or "name 0")[1] or 0)  # type: ignore[index]
    names = sorted(platform.apps)
    page = [platform.apps[name] for name in names[start : start + platform.page_size]]
    after = start + platform.page_size
    if after < len(names):
        return 206, page, {"Next-Range": f"name {after}..; max={platform.page_size}"}
    return 200, page, {}


def get_app(platform: Platform, match: Any, *_: Any) -> Any:
    return 200, platform.apps[match["app"]], {}


def patch_app(platform: Platform, match: Any, body: Any, _: Any) -> Any:
    app = platform.apps[match["app"]]
    if new := body.pop("name", None):
        for part in (platform.apps, platform.config, platform.releases, platform.formation, platform.dynos):
            part[new] = part.pop(match["app"])  # type: ignore[attr-defined]
        app |= {"name": new, "web_url": f"https://{new}.example.com/"}
    if stack := body.pop("build_stack", None):
        app["build_stack"] = {"id": new_id(), "name": stack}
    app |= body
    return 200, app, {}


def delete_app(platform: Platform, match: Any, *_: Any) -> Any:
    return 200, platform.apps.pop(match["app"]), {}


def get_config(platform: Platform, match: Any, *_: Any) -> Any:
    return 200, platform.config[match["app"]], {}


def patch_config(platform: Platform, match: Any, body: Any, _: Any) -> Any:
    config = platform.config[match["app"]]
    for key, value in body.items():
        if value is None:
            config.pop(key, None)
        else:
            config[key] = value
    platform.add_release(match["app"], f"Set {', '.join(body)} config vars")
    return 200, config, {}


def list_releases(platform: Platform, match: Any, body: Any, headers: Any) -> Any:
    releases = platform.releases[match["app"]]
    wanted = headers.get("Range") or ""
    if "order=desc" in wanted:
        releases = releases[::-1]
    limit = re.search(r"max=(\d+)", wanted)
    shown = releases[: int(limit[1])] if limit else releases
    return (206 if len(shown) < len(releases) else 200), shown, {}


def get_release(platform: Platform, match: Any, *_: Any) -> Any:
    for release in platform.releases[match["app"]]:
        if str(release["version"]) == match["version"]:
            return 200, release, {}
    raise Refusal(404, "not_found", "Couldn't find that release.", resource="release")


def create_release(platform: Platform, match: Any, body: Any, _: Any) -> Any:
    source = next(release for release in platform.releases[match["app"]] if release["id"] == body["release"])
    made = platform.add_release(
        match["app"], f"Rollback to v{source['version']}", output_stream_url=source["output_stream_url"]
    )
    return 201, made, {}


def get_formation(platform: Platform, match: Any, *_: Any) -> Any:
    return 200, platform.formation[match["app"]], {}


def patch_formation(platform: Platform, match: Any, body: Any, _: Any) -> Any:
    rows = {row["type"]: row for row in platform.formation[match["app"]]}
    for update in body["updates"]:
        if update["type"] not in rows:
            raise Refusal(404, "not_found", f"Couldn't find that process type ({update['type']}).")
        row = rows[update["type"]]
        if (quantity := update.get("quantity")) is not None:
            assert isinstance(quantity, str)
            row["quantity"] = row["quantity"] * (quantity[0] in "+-") + int(quantity)
        row["size"] = update.get("size", row["size"]).title()
    return 200, list(rows.values()), {}


def list_dynos(platform: Platform, match: Any, *_: Any) -> Any:
    return 200, platform.dynos[match["app"]], {}


def create_dyno(platform: Platform, match: Any, body: Any, _: Any) -> Any:
    url = platform.attach_url if body["attach"] else None
    dyno = platform.add_dyno(match["app"], "run.1662", body["command"], attach_url=url, state="starting")
    return 201, dyno, {}


def accepted(platform: Platform, match: Any, *_: Any) -> Any:
    return 202, {}, {}


def log_session(platform: Platform, match: Any, body: Any, _: Any) -> Any:
    session = {"id": new_id(), "created_at": WHEN, "updated_at": WHEN}
    return 201, {**session, "logplex_url": f"{platform.url}/stream/logs?srv=1"}, {}


def installations(platform: Platform, match: Any, *_: Any) -> Any:
    names = platform.buildpacks[match["app"]]
    rows = [{"ordinal": place, "buildpack": {"url": name, "name": name}} for place, name in enumerate(names)]
    return 200, rows, {}


def put_installations(platform: Platform, match: Any, body: Any, headers: Any) -> Any:
    platform.buildpacks[match["app"]] = [update["buildpack"] for update in body["updates"]]
    return installations(platform, match, body, headers)


def list_domains(platform: Platform, match: Any, *_: Any) -> Any:
    return 200, platform.domains[match["app"]], {}


def add_domain(platform: Platform, match: Any, body: Any, _: Any) -> Any:
    domain = platform._domain(platform.apps[match["app"]], body["hostname"], "custom")
    platform.domains[match["app"]].append(domain)
    return 201, domain, {}


def stacks(platform: Platform, *_: Any) -> Any:
    names = ("heroku-24", "heroku-22")
    common = {"default": False, "created_at": WHEN, "state": "public", "updated_at": WHEN}
    return 200, [{"id": new_id(), "name": name, **common} for name in names], {}


def regions(platform: Platform, *_: Any) -> Any:
    region = {
        "country": "United States",
        "created_at": WHEN,
        "description": "United States",
        "id": new_id(),
        "locale": "Virginia",
        "name": "us",
        "private_capable": False,
        "provider": {"name": "haibun", "region": "us"},
        "updated_at": WHEN,
    }
    return 200, [region], {}


APP = r"/apps/(?P<app>[^/]+)"
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/account", account),
    ("GET", "/oauth/authorizations", authorizations),
    ("DELETE", "/oauth/authorizations/[^/]+", revoke),
    ("GET", "/users/~/apps", list_apps),
    ("POST", "/apps", create_app),
    ("GET", APP, get_app),
    ("PATCH", APP, patch_app),
    ("DELETE", APP, delete_app),
    ("GET", f"{APP}/config-vars", get_config),
    ("PATCH", f"{APP}/config-vars", patch_config),
    ("GET", f"{APP}/releases", list_releases),
    ("GET", rf"{APP}/releases/(?P<version>\d+)", get_release),
    ("GET", rf"{APP}/releases/\d+/config-vars", get_config),
    ("POST", f"{APP}/releases", create_release),
    ("GET", f"{APP}/formation", get_formation),
    ("PATCH", f"{APP}/formation", patch_formation),
    ("GET", f"{APP}/dynos", list_dynos),
    ("POST", f"{APP}/dynos", create_dyno),
    ("DELETE", f"{APP}/dynos(/[^/]+)?", accepted),
    ("DELETE", f"{APP}/formations/[^/]+", accepted),
    ("POST", f"{APP}/(dynos|formations)/[^/]+/actions/stop", accepted),
    ("POST", f"{APP}/log-sessions", log_session),
    ("GET", f"{APP}/buildpack-installations", installations),
    ("PUT", f"{APP}/buildpack-installations", put_installations),
    ("GET", f"{APP}/domains", list_domains),
    ("POST", f"{APP}/domains", add_domain),
    ("DELETE", f"{APP}/domains/[^/]+", accepted),
    ("GET", "/stacks", stacks),
    ("GET", "/regions", regions),
]


def serve(platform: Platform) -> ThreadingHTTPServer:
    """A running server on a free port of loopback; the caller shuts it down."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            if self.path.startswith("/stream/"):
                return self._stream()
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            platform.requests.append((self.command, self.path, body))
            try:
                status, value, headers = platform.answer(self.command, self.path, body, self.headers)
            except Refusal as refusal:
                status, value, headers = refusal.status, refusal.body, {}
            data = json.dumps(value).encode()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            if platform.warning:
                self.send_header("X-Heroku-Warning", platform.warning)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return None

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

        def _stream(self) -> None:
            """One connection's worth of `log_connections`: chunks, then a clean end; None tears it off."""
            assert "Authorization" not in self.headers
            platform.log_requests.append(dict(self.headers))
            if not platform.log_connections:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            kind = "text/event-stream" if "text/event-stream" in self.headers.get("Accept", "") else "text/plain"
            self.send_header("Content-Type", kind)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in platform.log_connections.pop(0):
                if not chunk:
                    self.close_connection = True
                    return
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    platform.url = f"http://localhost:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
