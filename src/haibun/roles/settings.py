"""Settings of a platform: made by the first `up`, kept in the data dir, read by every role and by nobody else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from haibun.core.layout import Layout

DEFAULT_DATA_DIR = Path("/var/lib/haibun/platform")
STACKS_DIR = Path("/var/lib/haibun/stacks")
USER = "haibun"


class Settings(msgspec.Struct, kw_only=True):
    """What the operator chose. `port` speaks everything; `http_port` and `https_port`, if set, speak HTTP alone
    without that extra hop, and then addresses name those."""

    id: str
    domain: str = "localhost"
    port: int = 5000
    http_port: int | None = None
    https_port: int | None = None
    subnet: str
    default_stack: str = "debian-14"
    stacks: tuple[str, ...] = ("debian-14", "debian-13")
    database_url: str | None = None
    boot_timeout_seconds: float = 60.0
    build_env: dict[str, str] = msgspec.field(default_factory=dict)
    ca_bundle: str | None = None
    admin_email: str = "admin@localhost"
    operator_home: str = "/root"
    operator_uid: int = 0
    operator_gid: int = 0

    @property
    def public_http(self) -> int:
        return self.http_port or self.port

    @property
    def public_https(self) -> int:
        return self.https_port or self.port

    @property
    def url(self) -> str:
        """Of the API: plain HTTP on one's own machine, where no client has our CA; HTTPS elsewhere."""
        if self.domain == "localhost":
            return "http://" + _host(self.domain, self.public_http, 80)
        return "https://" + _host(f"api.{self.domain}", self.public_https, 443)

    @property
    def git_host(self) -> str:
        name = self.domain if self.domain == "localhost" else f"git.{self.domain}"
        return _host(name, self.public_https, 443)

    @property
    def app_url(self) -> str:
        """Template with {app}."""
        return f"https://{_host('{app}.' + self.domain, self.public_https, 443)}/"


def _host(name: str, port: int, default: int) -> str:
    return name if port == default else f"{name}:{port}"


def layout_of(data_dir: Path, settings: Settings) -> Layout:
    return Layout(data=data_dir, run=Path("/run/haibun") / settings.id)


def load(data_dir: Path) -> Settings | None:
    """The settings of the platform there, or None if there is no platform yet."""
    try:
        return msgspec.json.decode((data_dir / "settings.json").read_bytes(), type=Settings)
    except FileNotFoundError:
        return None


def save(data_dir: Path, settings: Settings, gid: int) -> None:
    """Write atomically; readable by root and the platform's group only (a database URL has a password)."""
    target = data_dir / "settings.json"
    temporary = target.with_suffix(".new")
    text = msgspec.json.format(msgspec.json.encode(settings), indent=2)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chown(temporary, 0, gid)
    temporary.replace(target)


def new_id() -> str:
    """Short: it is part of interface and socket names."""
    return secrets.token_hex(3)
