"""Whom a client trusts: the system's authorities, and a platform's own if it has one."""

from __future__ import annotations

import os
import ssl

from haibun.client.errors import ClientError


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A context that verifies names and chains. ClientError if `ca_file` cannot be read."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=os.path.expanduser(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise ClientError(
                f"Cannot read the server's certificate authority from {ca_file}: {error}. "
                "Get the file from whoever runs the server, then: haibun login --ca-file FILE"
            ) from error
    return context
