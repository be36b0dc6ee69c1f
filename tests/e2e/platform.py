"""A whole platform for the end-to-end tests, and the hands of its user: haibun, git, curl-like requests."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HAIBUN = ROOT / ".venv" / "bin" / "haibun"
HEROKU = ROOT / ".heroku-cli" / "node_modules" / ".bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `headers` have lower-case names."""

    status: int
    body: str
    headers: dict[str, str]


@dataclass
class Platform:
    """A running platform. `home` is the user's: hosts file, git config, netrc."""

    data_dir: Path
    home: Path
    port: int
    facts: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The user's environment: nothing of the test runner's own home."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "HEROKU_", "HAIBUN_"))
        }
        return kept | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Test",
            "GIT_AUTHOR_EMAIL": "test@example.com",
            "GIT_COMMITTER_NAME": "Test",
            "GIT_COMMITTER_EMAIL": "test@example.com",
            **self.settings,
        }

    @property
    def heroku_env(self) -> dict[str, str]:
        """What the stock CLI needs to work here (see docs)."""
        url = self.facts["url"]
        token = Path(self.facts["admin"]["token_file"]).read_text().strip()
        return self.env | {
            "HEROKU_HOST": url,
            "HEROKU_PARTICLEBOARD_URL": url,
            "HEROKU_DATA_HOST": "localhost",
            "HEROKU_GIT_HOST": self.facts["git_host"],
            "HEROKU_LOGIN_HOST": url,
            "HEROKU_STATUS_HOST": url,
            "NODE_EXTRA_CA_CERTS": self.facts["ca_file"],
            "GIT_SSL_CAINFO": self.facts["ca_file"],
            "DISABLE_TELEMETRY": "true",
            "HEROKU_SKIP_NEW_VERSION_CHECK": "true",
            "HEROKU_DISABLE_AUTOUPDATE": "1",
            "HEROKU_NETRC_WRITE": "true",
            "HEROKU_API_KEY": token,
            "PATH": f"{HEROKU}:{os.environ['PATH']}",
        }

    def up(self, *options: str) -> dict[str, Any]:
        done = subprocess.run(
            [HAIBUN, "up", "--data-dir", self.data_dir, "--port", str(self.port), "--json", *options],
            env=self.env, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        self.facts = json.loads(done.stdout.splitlines()[-1])
        return self.facts

    def down(self, *options: str) -> None:
        done = subprocess.run(
            [HAIBUN, "down", "--data-dir", self.data_dir, *options],
            env=self.env, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        command = [HAIBUN, "status", "--data-dir", self.data_dir, "--json"]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60)
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert (done.returncode == 0) == report["healthy"]
        return report

    def haibun(
        self, *arguments: str, cwd: Path | None = None, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [HAIBUN, *arguments], cwd=cwd or self.home, env=self.env, capture_output=True, text=True, timeout=180,
            **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}),
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def heroku(
        self, *arguments: str, cwd: Path | None = None, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [HEROKU / "heroku", *arguments], cwd=cwd or self.home, env=self.heroku_env, capture_output=True,
            text=True, timeout=180,
            **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}),
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def git(self, *arguments: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=self.env, capture_output=True, text=True, timeout=300,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"git {arguments}: {done.stdout}{done.stderr}"
        return done

    def get(
        self,
        app: str,
        path: str = "/",
        *,
        tls: bool = True,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> Answer:
        """A request to an app at the platform's address; the certificate is checked."""
        host = f"{app}.localhost"
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection = http.client.HTTPConnection(host, self.port, timeout=30)
        connection.sock = plain
        if tls:
            trust = ssl.create_default_context(cafile=self.facts["ca_file"])
            connection.sock = trust.wrap_socket(plain, server_hostname=host)
        try:
            connection.request("GET", path, headers={"Host": f"{host}:{self.port}"} | (headers or {}))
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
        finally:
            connection.close()
        return Answer(answer.status, body, {key.lower(): value for key, value in answer.getheaders()})

    def wait_for(self, app: str, text: str, *, path: str = "/", seconds: float = 60) -> Answer:
        """The first 200 answer with this text."""
        deadline = time.monotonic() + seconds
        answer = None
        while time.monotonic() < deadline:
            answer = self.get(app, path)
            if answer.status == 200 and text in answer.body:
                return answer
            time.sleep(0.1)
        raise AssertionError(f"{app} did not answer {text!r} in {seconds} s; last: {answer}")

    def logs(self, app: str, *options: str) -> str:
        return self.haibun("logs", "-n", "1500", "-a", app, *options).stdout

    def wait_for_log(self, app: str, text: str, *, seconds: float = 30) -> str:
        deadline = time.monotonic() + seconds
        found = ""
        while time.monotonic() < deadline:
            found = self.logs(app)
            if text in found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"{text!r} is not in the log of {app}:\n{found}")


def repository(platform: Platform, folder: Path, files: dict[str, str]) -> Path:
    """A git repository with these files committed on main."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        platform.git("init", "-q", "-b", "main", cwd=folder)
    commit(platform, folder, files)
    return folder


def commit(platform: Platform, folder: Path, files: dict[str, str], message: str = "Change") -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    platform.git("add", "-A", cwd=folder)
    platform.git("commit", "-q", "--allow-empty", "-m", message, cwd=folder)
