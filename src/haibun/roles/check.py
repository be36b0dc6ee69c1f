"""`haibun status`: asks every part whether it answers."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from haibun.core.layout import Layout
from haibun.roles import process
from haibun.roles.settings import Settings, layout_of, load

TIMEOUT_SECONDS = 3.0


def status(data_dir: Path) -> dict[str, Any]:
    """{"healthy", "url", "data_dir", "parts": [{"name", "ok", "detail", "pid", "role"}]}"""
    settings = load(data_dir)
    if settings is None:
        part = {"name": "platform", "ok": False, "detail": f"there is none in {data_dir}"}
        return {"healthy": False, "url": None, "data_dir": str(data_dir), "parts": [part]}
    layout = layout_of(data_dir, settings)
    parts = [_role(layout, role) for role in ("supervisor", *process.ROLES, "haproxy")]
    parts += [_socket(layout, name) for name in ("runtime", "web", "logplex", "rendezvous")]
    parts.append(_api(settings))
    return {
        "healthy": all(part["ok"] for part in parts),
        "url": settings.url,
        "data_dir": str(data_dir),
        "subnet": settings.subnet,
        "parts": parts,
    }


def _role(layout: Layout, role: str) -> dict[str, Any]:
    pid = process.running(layout, role)
    return {"name": role, "role": role, "ok": pid is not None, "pid": pid, "detail": "" if pid else "not running"}


def _socket(layout: Layout, name: str) -> dict[str, Any]:
    """Whether the part behind a unix socket accepts."""
    detail = ""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT_SECONDS)
        try:
            client.connect(str(layout.socket(name)))
        except OSError as error:
            detail = f"does not accept: {error.strerror or error}"
    return {"name": f"{name} socket", "ok": not detail, "detail": detail}


def _api(settings: Settings) -> dict[str, Any]:
    """The whole way: router, web process, store."""
    detail, connection = "", http.client.HTTPConnection("127.0.0.1", settings.public_http, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health", headers={"Host": settings.domain})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or json.loads(body).get("status") != "ok":
            detail = f"answered {answer.status}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        detail = f"does not answer on port {settings.public_http}: {error}"
    finally:
        connection.close()
    return {"name": "api", "ok": not detail, "detail": detail or f"answers on port {settings.public_http}"}
