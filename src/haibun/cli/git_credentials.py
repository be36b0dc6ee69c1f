"""`haibun git:credentials`: git asks for the token of a platform, we answer from hosts.json.

git starts this on every push and fetch, so it imports hosts.json's reader and nothing else. It answers only for
https and for a git host that is known; it never prompts, and lets git not prompt either.
"""

from __future__ import annotations

import os
import sys

from haibun.client import hosts
from haibun.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """`get`: question on stdin, answer on stdout. `store` has nothing to do; `erase` says what to do."""
    action = argv[0] if argv else "get"
    question = dict(line.rstrip("\n").split("=", 1) for line in sys.stdin if "=" in line)
    try:
        host, token = _find(question)
    except ClientError as error:
        sys.stderr.write(f"haibun: {error}\n")
        return 1
    if action == "erase" and host is not None:
        sys.stderr.write(f"haibun: {host.url} refused your token. To log in again: haibun login -i\n")
    if action != "get" or host is None:
        return 0
    if token is None:
        sys.stderr.write(f"haibun: not logged in to {host.url}. To log in: haibun login -i\n")
        sys.stdout.write("quit=1\n")
        return 0
    sys.stdout.write(f"protocol=https\nhost={question['host']}\nusername=haibun\npassword={token}\n")
    return 0


def _find(question: dict[str, str]) -> tuple[hosts.Host | None, str | None]:
    """The platform that git asks about, and the token for it."""
    if question.get("protocol") != "https" or not question.get("host"):
        return None, None
    known = hosts.load()
    host = known.of_git(question["host"].lower())
    if url := os.environ.get("HAIBUN_HOST"):
        named = known.named(url)
        host = named if named.git_host == question["host"].lower() else host
    if host is None and not known.by_url and known.usual().git_host == question["host"].lower():
        host = known.usual()
    return host, (os.environ.get("HAIBUN_API_KEY") or host.token) if host else None
