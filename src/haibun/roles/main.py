"""The `haibun` command: the operator's words (up, down, status) here, everything else in the CLI."""

from __future__ import annotations

import sys

OPERATOR = {"up", "down", "status"}


def main() -> None:
    """Entry of the console script."""
    if len(sys.argv) > 1 and sys.argv[1] in OPERATOR:
        from haibun.roles.operator import run

        sys.exit(run(sys.argv[1:]))
    from haibun.cli.main import main as cli

    sys.exit(cli(sys.argv[1:]))
