"""Turns a build's directory into a slug image. Its bytes are a stranger's: the program that reads them runs
as the app's own user, without a network and within limits. Never looks inside the tree itself."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from haibun.core.errors import Final, Temporary
from haibun.runtime.driver import DynoSpec, Sealed
from haibun.runtime.oci import syscalls as sc
from haibun.runtime.oci.bundle import USER
from haibun.runtime.oci.config import OciConfig

RESULT_BYTES = 1024 * 1024
SLUG_BYTES = 4 * 1024**3
MEMORY_BYTES = 8 * 1024**3
CPU_SECONDS = 600


class Sealer:
    """One thread in an empty network namespace; one slug at a time."""

    def __init__(self, config: OciConfig) -> None:
        self._config = config
        self._compression: list[str] | None = None
        self.executor = ThreadPoolExecutor(1, "haibun-seal", initializer=lambda: sc.unshare(sc.CLONE_NEWNET))

    def close(self) -> None:
        self.executor.shutdown(wait=True)

    def seal(self, spec: DynoSpec, slug_id: str) -> Sealed:
        """Make the slug if it is not there yet. Final if the tree cannot be packed."""
        folder = self._config.layout.dynos / spec.id
        image = self._config.layout.slugs / f"{slug_id}.squashfs"
        if not image.exists():
            self._pack(folder / "tree", image, spec.uid_base + USER)
        with image.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Sealed(slug_id, image.stat().st_size, f"SHA256:{digest}", read_result(folder / "result"))

    def _pack(self, tree: Path, image: Path, user: int) -> None:
        unfinished = image.with_name(f".{uuid.uuid4()}.part")
        fd = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchown(fd, user, user)
            self._run(self._command(fd, user), tree, fd, user)
            os.fchown(fd, 0, 0)
            os.fchmod(fd, 0o644)
            unfinished.rename(image)
        finally:
            os.close(fd)
            unfinished.unlink(missing_ok=True)

    def _command(self, fd: int, user: int) -> list[str]:
        if self._compression is None:
            self._compression = _compression()
        # not from here by prlimit(2): that takes a capability which root of some hosts lacks
        command = ["prlimit", f"--as={MEMORY_BYTES}", f"--cpu={CPU_SECONDS}", f"--fsize={SLUG_BYTES}", "--"]
        command += ["mksquashfs", ".", f"/proc/self/fd/{fd}", "-noappend", "-no-progress", "-quiet", "-no-xattrs"]
        command += ["-no-exports", "-force-uid", str(user), "-force-gid", str(user)]
        return command + self._compression

    def _run(self, command: list[str], tree: Path, fd: int, user: int) -> None:
        # cwd is entered before root is given up: the user could not walk to it
        process = subprocess.Popen(
            command,
            cwd=tree,
            user=user,
            group=user,
            extra_groups=[],
            pass_fds=(fd,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LC_ALL": "C.UTF-8"},
        )
        _, errors = process.communicate()
        if process.returncode:
            said = errors.decode(errors="replace").strip()[-1000:]
            raise Final("seal", f"The slug could not be packed (mksquashfs said {process.returncode}): {said}")


def _compression() -> list[str]:
    """zstd where mksquashfs has it (fast and small), else lz4 or gzip."""
    try:
        done = subprocess.run(["mksquashfs", "-help"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Final("programs", "mksquashfs is missing; install the package squashfs-tools.") from None
    known = {line.split()[0] for line in (done.stdout + done.stderr).splitlines() if line.split()}
    if "zstd" in known:
        return ["-comp", "zstd", "-Xcompression-level", "3"]
    return ["-comp", "lz4"] if "lz4" in known else ["-comp", "gzip", "-Xcompression-level", "3"]


def read_result(folder: Path) -> str:
    """Text of build.json, '' if there is none or it is no plain file; the build wrote it, so links are not
    followed and a pipe does not hold us."""
    try:
        fd = os.open(folder / "build.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return ""
    try:
        with os.fdopen(fd, "rb") as file:
            return file.read(RESULT_BYTES).decode(errors="replace")
    except OSError as error:
        raise Temporary(f"The result of the build cannot be read: {error.strerror}.") from error
