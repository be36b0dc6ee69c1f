"""What this machine is like, as far as a platform on it must know: free addresses, CA bundle, package settings."""

from __future__ import annotations

import ipaddress
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path

SUBNET_BITS = 18
POOL = ipaddress.IPv4Network("10.128.0.0/9")
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
INSIDE_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# Settings of package clients that a company sets on its machines and that builds need as well.
PASSED_ON = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_PYTHON_INSTALL_MIRROR",
    "NPM_CONFIG_REGISTRY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
BUNDLE_NAMES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
)


def free_subnet() -> ipaddress.IPv4Network:
    """A private network for dynos that no route of this machine touches."""
    text = subprocess.run(
        ["ip", "-4", "-o", "route", "show", "table", "all"], capture_output=True, text=True
    ).stdout
    taken = [network for line in text.splitlines() for network in _networks(line)]
    candidates = list(POOL.subnets(new_prefix=SUBNET_BITS))
    random.shuffle(candidates)
    return next(net for net in candidates if not any(net.overlaps(other) for other in taken))


def _networks(line: str) -> list[ipaddress.IPv4Network]:
    found = []
    for word in line.split()[:2]:
        try:
            found.append(ipaddress.IPv4Network(word, strict=False))
        except ValueError:
            continue
    return [network for network in found if network.prefixlen > 0]


def ca_bundle(environment: Mapping[str, str]) -> str | None:
    """The host's own CA bundle, which may hold a company's root."""
    for path in (environment.get("SSL_CERT_FILE"), *BUNDLES):
        if path and Path(path).is_file():
            return str(Path(path).resolve())
    return None


def build_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What builds get of the host's settings: `HAIBUN_BUILD_<NAME>` wins over the host's own `<NAME>`."""
    passed = {name: environment[name] for name in PASSED_ON if environment.get(name)}
    prefix = "HAIBUN_BUILD_"
    passed |= {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}
    if ca_bundle(environment):
        passed |= dict.fromkeys(BUNDLE_NAMES, INSIDE_BUNDLE)
    return passed
