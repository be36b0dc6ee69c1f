"""Starting a dyno's process: conmon watches, crun makes. Knows their command lines and files, nothing else."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from haibun.core.errors import Final, Temporary
from haibun.runtime.driver import DynoSpec
from haibun.runtime.oci.config import OciConfig

CREATE_SECONDS = 30.0
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@dataclass(frozen=True)
class Programs:
    """Where the two programs are."""

    conmon: str
    crun: str

    @staticmethod
    def find() -> Programs:
        """Final if one is missing."""
        found = {name: shutil.which(name, path=_ENVIRONMENT["PATH"]) for name in ("conmon", "crun")}
        missing = [name for name, path in found.items() if path is None]
        if missing:
            raise Final(
                "programs", f"Missing on this host: {', '.join(missing)}. Install the packages of that name."
            )
        return Programs(str(found["conmon"]), str(found["crun"]))


def _sealed(program: Path) -> str:
    """A copy in memory that nobody can write to. crun copies itself so on every start, so that no container
    can write to the host's; given one that is sealed already, it runs at once."""
    try:
        fd = os.memfd_create("crun", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with program.open("rb") as file:
            while os.sendfile(fd, file.fileno(), None, 1 << 24):
                pass
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except OSError:
        return str(program)
    return f"/proc/{os.getpid()}/fd/{fd}"


def create(programs: Programs, config: OciConfig, spec: DynoSpec, output_fd: int) -> int:
    """Have the dyno made up to the point before its first instruction; returns its pid on the host.

    Final with crun's words if it cannot be made.
    """
    folder = config.layout.dynos / spec.id
    read_end, write_end = os.pipe()
    go_read, go_write = os.pipe()
    environment = _ENVIRONMENT | {"_OCI_SYNCPIPE": str(write_end), "_OCI_STARTPIPE": str(go_read)}
    try:
        with (folder / "conmon.err").open("wb") as errors:
            process = subprocess.Popen(
                _command(programs, config, spec, folder, output_fd),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                pass_fds=(write_end, go_read),
                cwd="/",
            )
        os.write(go_write, b"\0")
        os.close(write_end)
        write_end = -1
        answer = _read_answer(read_end)
        process.wait()  # the first conmon leaves as soon as the second is on its own
    finally:
        for fd in (read_end, write_end, go_read, go_write):
            if fd >= 0:
                os.close(fd)
    return _pid(answer, spec, folder)


def _command(programs: Programs, config: OciConfig, spec: DynoSpec, folder: Path, output_fd: int) -> list[str]:
    command = [programs.conmon, "--cid", spec.id, "--cuuid", spec.id, "--name", spec.name]
    command += ["--runtime", programs.crun, "--runtime-arg", f"--root={config.crun_root}"]
    command += ["--runtime-arg", "--cgroup-manager=disabled"]
    command += ["--bundle", str(folder), "--container-pidfile", str(folder / "pid")]
    command += ["--conmon-pidfile", str(folder / "conmon.pid"), "--exit-dir", str(config.exits)]
    # the open file by its descriptor, so that no link in the log folder can lead conmon astray
    command += ["--log-path", f"k8s-file:/proc/{os.getpid()}/fd/{output_fd}", "--no-sync-log"]
    command += ["--full-attach", "--log-level", "error"]
    command += ["--terminal"] if spec.tty else []
    return command + (["--stdin"] if spec.stdin else [])


def _read_answer(fd: int) -> bytes:
    """conmon's word on the sync pipe: a line of JSON, or nothing if it died."""
    deadline, answer = time.monotonic() + CREATE_SECONDS, b""
    while not answer.endswith(b"\n"):
        ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise Temporary(f"crun did not make the dyno within {CREATE_SECONDS:.0f} s.", after_seconds=5)
        data = os.read(fd, 65536)
        if not data:
            break
        answer += data
    return answer


def _pid(answer: bytes, spec: DynoSpec, folder: Path) -> int:
    try:
        said = json.loads(answer)
    except ValueError:
        said = {}
    pid = said.get("data", said.get("pid", -1))
    if isinstance(pid, int) and pid > 0:
        return pid
    words = said.get("message") or (folder / "conmon.err").read_text(errors="replace") or "conmon died"
    raise Final("start", f"{spec.name} could not be started: {words.strip()[:1000]}")


def start(programs: Programs, config: OciConfig, dyno_id: str) -> None:
    """Let a created dyno run its first instruction.

    crun waits on a fifo for one byte; writing it here saves a process on every boot. Where the fifo is not
    where this version of crun would have it, crun is asked.
    """
    fifo = config.crun_root / dyno_id / "exec.fifo"
    try:
        fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        _start_by_crun(programs, config, dyno_id)
        return
    try:
        fifo.unlink()
        os.write(fd, b"\0")
    finally:
        os.close(fd)


def _start_by_crun(programs: Programs, config: OciConfig, dyno_id: str) -> None:
    command = [programs.crun, f"--root={config.crun_root}", "start", dyno_id]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    if done.returncode:
        raise Final("start", f"The dyno could not be started: {done.stderr.strip()[:1000]}")


def conmon_pid(folder: Path) -> int:
    """conmon's pid, 0 if unknown."""
    try:
        return int((folder / "conmon.pid").read_text())
    except (OSError, ValueError):
        return 0
