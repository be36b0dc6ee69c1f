"""Becomes the HAProxy of the platform: no root (but for the right to bind low ports), no Python from then on."""

from __future__ import annotations

import os

from haibun.roles import compose


def main() -> None:
    settings, layout = compose.enter("haproxy", low_ports=True)
    from haibun.router import haproxy

    haproxy.prepare(layout, compose.edge_of(settings))
    for name in ("haproxy-admin", "haproxy-master"):
        layout.socket(name).unlink(missing_ok=True)
    haproxy.raise_file_limit()
    argv = haproxy.command(layout)
    environment = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
    os.execvpe(argv[0], argv, environment)  # noqa: S606 argv is ours, no shell


if __name__ == "__main__":
    main()
