"""`haibun up`: makes the platform's folders, keys and first admin if need be, starts what is not running,
and waits until every part answers."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from haibun.client.hosts import add_host
from haibun.core.layout import Layout
from haibun.roles import check, process
from haibun.roles.host import build_environment, ca_bundle, free_subnet
from haibun.roles.operator import Trouble
from haibun.roles.settings import STACKS_DIR, USER, Settings, layout_of, load, new_id, save

PROGRAMS = ("crun", "conmon", "haproxy", "git", "mksquashfs", "nft", "openssl")
HEALTHY_WITHIN_SECONDS = 60.0
Say = Callable[[str], None]


def up(data_dir: Path, asked: dict[str, Any], say: Say) -> dict[str, Any]:
    """Start the platform in data_dir and return the facts that `--json` prints."""
    _check_programs()
    user = _user()
    settings = _settings(data_dir, asked, user.pw_gid)
    layout = layout_of(data_dir, settings)
    _check_ports(settings, layout)
    _check_stack(settings)
    if _all_is_well(data_dir, layout):
        _remember_login(settings, layout, None)
        return facts(settings, layout)
    _compile()
    _folders(layout, user)
    _ensure_ca(layout)
    _owned_secrets(layout, user)
    if start := not process.running(layout, "supervisor"):
        say(f"Starting the platform in {data_dir}")
        # These need no store: they get ready while it does.
        for role in ("runtime", "haproxy"):
            process.spawn(layout, role)
    token = _bootstrap(layout)
    if start:
        process.spawn(layout, "supervisor")
    _wait_healthy(data_dir, layout)
    _remember_login(settings, layout, token)
    return facts(settings, layout)


def facts(settings: Settings, layout: Layout) -> dict[str, Any]:
    """What a script needs to know of a running platform."""
    return {
        "url": settings.url,
        "git_host": settings.git_host,
        "ca_file": str(layout.ca_cert),
        "data_dir": str(layout.data),
        "domain": settings.domain,
        "app_url": settings.app_url,
        "admin": {"email": settings.admin_email, "token_file": str(layout.admin_token)},
    }


def _check_programs() -> None:
    missing = [
        name for name in PROGRAMS if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None
    ]
    if missing:
        raise Trouble(f"Not installed: {', '.join(missing)}. Install what Haibun needs with: make setup")


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
        subprocess.run(command, check=True)
        return pwd.getpwnam(USER)


def _settings(data_dir: Path, asked: dict[str, Any], gid: int) -> Settings:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(
            f"The data dir {data_dir} cannot be made: {error.strerror}. Choose another: --data-dir"
        ) from error
    data_dir.chmod(0o755)
    known = load(data_dir)
    settings = known or Settings(id=new_id(), subnet=str(free_subnet()), **_operator())
    if known is not None and process.running(layout_of(data_dir, known), "supervisor"):
        changed = {key for key, value in asked.items() if getattr(known, key) != value}
        if changed:
            raise Trouble(
                f"The platform in {data_dir} is running with another {', '.join(sorted(changed))}. "
                f"Stop it first: haibun down --data-dir {data_dir}"
            )
    for key, value in asked.items():
        setattr(settings, key, value)
    settings.database_url = os.environ.get("DATABASE_URL") or settings.database_url
    settings.build_env = build_environment(os.environ) or settings.build_env
    settings.ca_bundle = ca_bundle(os.environ)
    if timeout := os.environ.get("HAIBUN_BOOT_TIMEOUT"):
        settings.boot_timeout_seconds = float(timeout)
    save(data_dir, settings, gid)
    return settings


def _operator() -> dict[str, Any]:
    """The user who said `up`, also through sudo: the CLI is to work for them at once."""
    uid = int(os.environ.get("SUDO_UID", os.getuid()))
    entry = pwd.getpwuid(uid)
    home = entry.pw_dir if uid else os.environ.get("HOME", entry.pw_dir)
    return {"operator_uid": uid, "operator_gid": entry.pw_gid, "operator_home": home}


def _check_ports(settings: Settings, layout: Layout) -> None:
    if process.running(layout, "haproxy"):
        return
    for port in sorted({settings.port, settings.public_http, settings.public_https}):
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("::", port))
            except OSError as error:
                raise Trouble(
                    f"Port {port} cannot be had: {error.strerror}. Another program has it; "
                    "stop that, or choose another with --port."
                ) from error


def _check_stack(settings: Settings) -> None:
    if not (STACKS_DIR / f"{settings.default_stack}.run").is_dir():
        raise Trouble(f"The stack image {settings.default_stack} is missing. Make it with: make setup")


def _folders(layout: Layout, user: pwd.struct_passwd) -> None:
    """Ours are open to the platform's user only as far as it must write there."""
    theirs = [
        layout.secrets,
        layout.certs,
        layout.database.parent,
        layout.repos,
        layout.sources,
        layout.streams,
        layout.logplex,
        layout.haproxy,
        layout.output,
        layout.data / "hooks",
    ]
    for folder in (layout.data / "blobs", layout.slugs, layout.platform_logs, layout.dynos, layout.build_cache):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    layout.dynos.chmod(0o711)
    layout.build_cache.chmod(0o711)
    for folder in theirs:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        os.chown(folder, user.pw_uid, user.pw_gid)
    layout.secrets.chmod(0o700)
    if not layout.stacks.exists():
        layout.stacks.symlink_to(STACKS_DIR)
    layout.run.parent.mkdir(mode=0o755, exist_ok=True)
    for folder in (layout.run, layout.run / "hints"):
        folder.mkdir(mode=0o770, exist_ok=True)
        os.chown(folder, 0, user.pw_gid)
        folder.chmod(0o771)
    if not layout.master_key.exists():
        descriptor = os.open(layout.master_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        os.chown(layout.master_key, user.pw_uid, user.pw_gid)


def _all_is_well(data_dir: Path, layout: Layout) -> bool:
    known = process.running(layout, "supervisor") and layout.admin_token.exists()
    return bool(known) and bool(check.status(data_dir)["healthy"])


def _compile() -> None:
    """Bytecode of our own modules: the roles may not write it, and without it each of their starts compiles
    anew. No trouble if the checkout cannot be written to; it is only slower then."""
    import compileall

    compileall.compile_dir(Path(__file__).resolve().parents[1], quiet=2)


def _ensure_ca(layout: Layout) -> None:
    if not (layout.ca_cert.exists() and layout.ca_key.exists()):
        from haibun.router import tls

        tls.ensure_ca(layout)


def _owned_secrets(layout: Layout, user: pwd.struct_passwd) -> None:
    for path in (layout.secrets, *layout.secrets.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    layout.ca_cert.chmod(0o644)
    _trust_folder(layout)


def _trust_folder(layout: Layout) -> None:
    """The CA once more, as a folder under the name that OpenSSL looks for: programs that take their bundle
    from the environment (companies set GIT_SSL_CAINFO) still look into a folder that is named beside it."""
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(layout.ca_cert)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() + ".0"
    layout.ca_folder.mkdir(mode=0o755, exist_ok=True)
    shutil.copyfile(layout.ca_cert, layout.ca_folder / name)


def _bootstrap(layout: Layout) -> str | None:
    """Schema and admin, as the platform's user; the admin's token if it was made now."""
    command = [sys.executable, "-P", "-m", "haibun.roles.bootstrap", str(layout.data)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    if done.returncode != 0:
        raise Trouble("The store could not be prepared:\n" + done.stderr[-3000:])
    made: dict[str, str] = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
    token = made.get("token")
    if token:
        descriptor = os.open(layout.admin_token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
    return token


def _remember_login(settings: Settings, layout: Layout, token: str | None) -> None:
    os.chown(layout.admin_token, settings.operator_uid, settings.operator_gid)
    add_host(
        settings.url,
        token or layout.admin_token.read_text().strip(),
        settings.admin_email,
        settings.git_host,
        str(layout.ca_cert),
        # Under sudo the login is the invoking user's; else the caller's own, wherever they keep it.
        home=Path(settings.operator_home) if settings.operator_uid != os.geteuid() else None,
        owner=(settings.operator_uid, settings.operator_gid),
        make_default=True,
    )


def _wait_healthy(data_dir: Path, layout: Layout) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while True:
        report = check.status(data_dir)
        if report["healthy"]:
            return
        if time.monotonic() > deadline:
            down = [part for part in report["parts"] if not part["ok"]]
            said = "\n".join(process.last_lines(layout, part["role"]) for part in down if part.get("role"))
            names = ", ".join(f"{part['name']} ({part['detail']})" for part in down)
            raise Trouble(f"The platform did not become healthy: {names}.\n{said}")
        time.sleep(0.03)
