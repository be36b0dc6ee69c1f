"""`make demo`: start a platform, push examples/python-django to it as a developer would, show what came of it.

Uses only what a user has: the haibun command, git, and HTTP. Run again it deploys a second time.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HAIBUN = ROOT / ".venv" / "bin" / "haibun"
WORK = ROOT / ".demo"
APP = os.environ.get("DEMO_APP", "demo-django")
ANSWER_WITHIN_SECONDS = 60


def main() -> int:
    facts = start()
    folder = checkout()
    create(facts, folder)
    step("git push haibun main")
    if run(["git", "push", "haibun", "HEAD:main"], cwd=folder).returncode:
        return 1
    haibun(facts, ["ps:wait", "-a", APP], folder)
    page = fetch(facts, folder)
    show("The page, as your browser gets it", "\n".join(page.splitlines()[:20]))
    show_command("Its dynos", ["ps"], folder)
    show_command("The last lines of its log", ["logs", "-n", "8"], folder)
    say_how_to_go_on(facts, folder)
    return 0


def start() -> dict[str, str]:
    step("haibun up")
    options = ["--port", os.environ["DEMO_PORT"]] if "DEMO_PORT" in os.environ else []
    if "DEMO_DATA_DIR" in os.environ:
        options += ["--data-dir", os.environ["DEMO_DATA_DIR"]]
    done = subprocess.run([HAIBUN, "up", "--json", *options], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    facts: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    print(f"       The platform is at {facts['url']}")
    return facts


def checkout() -> Path:
    """A git repository with the example, as a developer has one."""
    folder = WORK / APP
    shutil.copytree(ROOT / "examples" / "python-django", folder, dirs_exist_ok=True)
    if not (folder / ".git").exists():
        run(["git", "init", "-q", "-b", "main"], cwd=folder)
    (folder / "DEPLOYED_AT").write_text(time.strftime("%Y-%m-%d %H:%M:%S\n"))
    run(["git", "add", "-A"], cwd=folder)
    who = ["-c", "user.name=Demo", "-c", "user.email=demo@localhost"]
    run(["git", *who, "commit", "-q", "-m", "The example, as of now"], cwd=folder)
    return folder


def create(facts: dict[str, str], folder: Path) -> None:
    known = haibun(facts, ["apps", "--json"], folder)
    if APP in (app["name"] for app in json.loads(known.stdout)):
        haibun(facts, ["git:remote", "-a", APP], folder)
        return
    step(f"haibun create {APP}")
    created = haibun(facts, ["create", APP], folder)
    print(created.stdout, end="")
    if created.returncode:
        sys.exit(created.returncode)


def fetch(facts: dict[str, str], folder: Path) -> str:
    """The app's page over HTTPS, once it is served."""
    url = json.loads(haibun(facts, ["info", "--json", "-a", APP], folder).stdout)["appData"]["web_url"]
    step(f"GET {url}")
    host = url.split("/")[2]
    # Not every system's resolver knows *.localhost, so the demo goes to the address itself.
    port = int(host.rpartition(":")[2]) if ":" in host else 443
    trust = ssl.create_default_context(cafile=facts["ca_file"])
    deadline = time.monotonic() + ANSWER_WITHIN_SECONDS
    while True:
        try:
            return get(host, port, trust)
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f" !     {url} does not answer: {error}")
            time.sleep(0.2)


def get(host: str, port: int, trust: ssl.SSLContext) -> str:
    name = host.partition(":")[0]
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    with trust.wrap_socket(plain, server_hostname=name) as secure:
        connection = http.client.HTTPConnection(name, port)
        connection.sock = secure
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    if answer.status != 200:
        raise OSError(f"it answers {answer.status}")
    return body


def haibun(facts: dict[str, str], arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HAIBUN_HOST": facts["url"]}
    return subprocess.run(
        [HAIBUN, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def run(argv: list[str], cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL)


def step(text: str) -> None:
    print(f"\n\033[1m$ {text}\033[0m" if sys.stdout.isatty() else f"\n$ {text}", flush=True)


def show(title: str, text: str) -> None:
    print(f"\n=== {title}\n\n{text}", flush=True)


def show_command(title: str, arguments: list[str], folder: Path) -> None:
    print(f"\n=== {title}   (haibun {' '.join(arguments)})\n", flush=True)
    subprocess.run([HAIBUN, *arguments], cwd=folder, stdin=subprocess.DEVNULL)


def say_how_to_go_on(facts: dict[str, str], folder: Path) -> None:
    data = "" if facts["data_dir"] == "/var/lib/haibun/platform" else f" --data-dir {facts['data_dir']}"
    show(
        "Go on",
        f"""\
  cd {folder}
  haibun open                 its address (trust {facts["ca_file"]} in your browser)
  haibun logs --tail          every line, live
  haibun ps:scale web=2       more of it
  haibun run ./manage.py shell
  git push haibun main        after a commit: the next release, without a dropped request

  Stop it:    haibun down --dynos{data}
  Remove it:  rm -r {facts["data_dir"]} {WORK}; make uninstall
""",
    )


if __name__ == "__main__":
    sys.exit(main())
