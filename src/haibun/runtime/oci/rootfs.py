"""The root filesystem of a dyno: slug and stack read-only, a writable layer above, as one overlay.

All mounts are the runtime's own (private_mounts.py). crun copies them into the dyno's namespace, after which
ours are taken away again: what a dyno uses goes when the dyno goes, whoever is alive to see it.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from haibun.core.errors import Final, Temporary
from haibun.runtime.driver import DynoSpec
from haibun.runtime.oci import syscalls as sc
from haibun.runtime.oci.bundle import INIT, USER, hostname
from haibun.runtime.oci.config import OciConfig

READ_ONLY = sc.MS_RDONLY | sc.MS_NOSUID | sc.MS_NODEV
FOLDERS = ("upper", "work")


class Slugs:
    """Slug images as mounts, shared by the dynos of a release.

    Letting go never hurts a dyno: its overlay holds the image by itself.
    """

    def __init__(self, config: OciConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._mounted: dict[str, Path] = {}
        self._holders: Counter[str] = Counter()

    @contextmanager
    def held(self, slug_id: str) -> Iterator[Path]:
        """Where the slug's files are, for as long as the block lasts. Final if there is no such slug."""
        with self._lock:
            if slug_id not in self._mounted:
                self._mounted[slug_id] = self._mount(slug_id)
            self._holders[slug_id] += 1
        try:
            yield self._mounted[slug_id]
        finally:
            with self._lock:
                self._holders[slug_id] -= 1

    def forget_unused(self, used: set[str]) -> None:
        """Let go of every slug that no dyno of these uses and no boot holds."""
        with self._lock:
            for slug_id in [slug_id for slug_id in self._mounted if slug_id not in used]:
                if not self._holders[slug_id]:
                    del self._holders[slug_id]
                    self._drop(self._mounted.pop(slug_id))

    def _mount(self, slug_id: str) -> Path:
        where = self._config.staging / "slug" / slug_id
        where.mkdir(exist_ok=True)
        image = self._config.layout.slugs / f"{slug_id}.squashfs"
        try:
            fd = os.open(image, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise Final("slug", f"There is no slug {slug_id} on this host.") from None
        try:
            loop, device = sc.attach_loop(fd)
            try:
                sc.mount(device, str(where), "squashfs", READ_ONLY)
            finally:
                os.close(loop)
        except OSError as error:
            raise Final("slug", f"The slug {slug_id} cannot be mounted: {error.strerror}.") from error
        finally:
            os.close(fd)
        return where

    def _drop(self, where: Path) -> None:
        sc.detach(str(where))
        with suppress(OSError):
            where.rmdir()


class BaseLayer:
    """A small layer between slug and stack: resolv.conf and the host's CA bundle, the same for all dynos."""

    def __init__(self, config: OciConfig, resolvers: tuple[str, ...]) -> None:
        self._config = config
        self._resolvers = resolvers
        self._lock = threading.Lock()
        self._made: tuple[int, Path] | None = None

    def path(self) -> Path:
        """The layer; a new one when the CA bundle has changed, since one in use must not."""
        bundle = self._config.ca_bundle
        version = bundle.stat().st_mtime_ns if bundle else 0
        with self._lock:
            if self._made is None or self._made[0] != version:
                self._made = (version, self._make(version))
            return self._made[1]

    def _make(self, version: int) -> Path:
        layer = self._config.staging / "base" / str(version)
        certificates = layer / "etc/ssl/certs"
        certificates.mkdir(parents=True, exist_ok=True)
        lines = [f"nameserver {server}\n" for server in self._resolvers] + ["options timeout:2 attempts:2\n"]
        (layer / "etc/resolv.conf").write_text("".join(lines))
        if self._config.ca_bundle:
            shutil.copyfile(self._config.ca_bundle, certificates / "ca-certificates.crt")
        for below in (layer, *layer.rglob("*")):
            below.chmod(0o755 if below.is_dir() else 0o644)
        return layer


class Rootfs:
    """Puts roots together in the staging area and takes them apart. Runs in threads among the mounts."""

    def __init__(self, config: OciConfig, base: BaseLayer) -> None:
        self._config = config
        self._base = base
        self.slugs = Slugs(config)

    def stack(self, spec: DynoSpec) -> Path:
        """The stack's tree for that kind of dyno. Final if it is not installed."""
        path = (self._config.layout.stacks / f"{spec.stack}.{spec.kind}").resolve()
        if not path.is_dir():
            raise Final(
                "stack", f"The stack {spec.stack} is not installed on this host ({spec.kind} tree missing)."
            )
        return path

    def has_init(self, stack: Path) -> bool:
        return (stack / INIT[1:]).exists()

    def mount(self, spec: DynoSpec, folder: Path, sysfs: Path, cgroup: Path | None) -> Path:
        """The dyno's root, complete; `folder` is the dyno's own on disk, `cgroup` what it sees of its limits."""
        root = self._config.staging / "root" / spec.id
        root.mkdir(mode=0o711)
        _make_upper(spec, folder)
        try:
            with ExitStack() as held:
                slug = [held.enter_context(self.slugs.held(spec.slug_id))] if spec.slug_id else []
                _overlay(root, [self._base.path(), *slug, self.stack(spec)], folder)
            self._bind_all(spec, folder, root)
            sc.mount(str(sysfs), str(root / "sys"), flags=sc.MS_MOVE)
            if cgroup:
                sc.bind(str(cgroup), f"{root}/sys/fs/cgroup", READ_ONLY | sc.MS_NOEXEC)
        except OSError as error:
            self.unmount(spec.id)
            raise Temporary(f"The root of {spec.name} could not be put together: {error}.") from error
        except BaseException:
            self.unmount(spec.id)
            raise
        with suppress(OSError):
            sysfs.rmdir()
        return root

    def unmount(self, dyno_id: str) -> None:
        """Take our copy away. No error if there is none."""
        root = self._config.staging / "root" / dyno_id
        sc.detach(str(root))
        with suppress(OSError):
            root.rmdir()

    def _bind_all(self, spec: DynoSpec, folder: Path, root: Path) -> None:
        if spec.kind != "build":
            return
        user, layout = spec.uid_base + USER, self._config.layout
        sc.bind(str(folder / "tree/app"), f"{root}{spec.build_dir}", sc.MS_NOSUID | sc.MS_NODEV)
        sc.bind(str(folder / "result"), f"{root}/result", sc.MS_NOSUID | sc.MS_NODEV)
        sc.bind(str(folder / "env"), f"{root}/env", READ_ONLY)
        sc.bind(str(self._config.build_tools), f"{root}/haibun", READ_ONLY)
        if spec.cache_id:
            cache = layout.build_cache / spec.cache_id
            cache.mkdir(mode=0o700, exist_ok=True)
            os.chown(cache, user, user, follow_symlinks=False)
            sc.bind(str(cache), f"{root}/cache", sc.MS_NOSUID | sc.MS_NODEV)
        if spec.source_id:
            fd = _open_source(layout.sources / f"{spec.source_id}.tar", self._config.log_owner[0])
            try:
                sc.bind(f"/proc/self/fd/{fd}", f"{root}/source.tar", READ_ONLY | sc.MS_NOEXEC)
            finally:
                os.close(fd)


def _overlay(root: Path, lower: list[Path], folder: Path) -> None:
    """Layers by descriptor: no limit on the length of their paths, and no character in them to escape."""
    with ExitStack() as stack:

        def opened(path: Path) -> str:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_DIRECTORY)
            stack.callback(os.close, fd)
            return f"/proc/self/fd/{fd}"

        layers = ":".join(opened(path) for path in lower)
        upper, work = (opened(folder / name) for name in FOLDERS)
        # volatile: a dyno's files do not outlive it, so nobody waits for the disk
        data = f"lowerdir={layers},upperdir={upper},workdir={work},volatile"
        sc.mount("overlay", str(root), "overlay", sc.MS_NOSUID | sc.MS_NODEV, data)


def _make_upper(spec: DynoSpec, folder: Path) -> None:
    """The writable layer: mount points, names; owned by the dyno's root, /app and the like by its user."""
    upper, owner, user = folder / "upper", spec.uid_base, spec.uid_base + USER
    for name in FOLDERS:
        _folder(folder / name, owner)
    for name in ("etc", "proc", "sys", "dev"):
        _folder(upper / name, owner)
    names = f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 {hostname(spec.name)}\n"
    _file(upper / "etc/hosts", names, owner, 0o644)
    _file(upper / "etc/hostname", hostname(spec.name) + "\n", owner, 0o644)
    if spec.slug_id is None:
        _folder(upper / "app", user)
    if spec.kind == "build":
        _make_build_folders(spec, folder)


def _make_build_folders(spec: DynoSpec, folder: Path) -> None:
    upper, owner, user = folder / "upper", spec.uid_base, spec.uid_base + USER
    for name in ("tree", "tree/app", "result", "env"):
        _folder(folder / name, user)
    for name, content in spec.env_dir.items():
        _file(folder / "env" / name, content, user, 0o400)
    for name in ("cache", "result", "env", "haibun"):
        _folder(upper / name, owner)
    _file(upper / "source.tar", "", owner, 0o444)
    if spec.build_dir and spec.build_dir.startswith("/tmp/"):  # noqa: S108 - inside the dyno
        _folder(upper / "tmp", owner, 0o1777)
    if spec.build_dir != "/app":
        _folder(upper / (spec.build_dir or "")[1:], owner)


def _folder(path: Path, owner: int, mode: int = 0o755) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    os.chown(path, owner, owner)


def _file(path: Path, content: str, owner: int, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content.encode())
            os.fchown(fd, owner, owner)
            os.fchmod(fd, mode)
    except OSError as error:
        raise Temporary(f"{path.name} could not be written: {error.strerror}.") from error


def _open_source(path: Path, owner: int) -> int:
    """The source's descriptor. Its folder belongs to the unprivileged user, so nothing but a plain file of that
    user (or ours) with one name is let through, and no link; then dynos may read it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Final("source", f"The source {path.stem} cannot be read: {error.strerror}.") from error
    seen = os.fstat(fd)
    if not stat.S_ISREG(seen.st_mode) or seen.st_nlink != 1 or seen.st_uid not in (owner, 0):
        os.close(fd)
        raise Final("source", f"The source {path.stem} is not a plain file of the platform's user.")
    os.fchmod(fd, stat.S_IMODE(seen.st_mode) | 0o444)
    return fd
