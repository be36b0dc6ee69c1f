"""The platform's own certificate authority and the certificates it signs.

Owns ca.pem, ca.key and layout.certs (one PEM each: key, leaf, CA). Never speaks to HAProxy; loop.py hands
new ones over. OpenSSL refuses a wildcard right under a one-label domain such as `*.localhost`, so app hosts
get a leaf of their own there.
"""

from __future__ import annotations

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from haibun.core.layout import Layout

CA_DAYS = 3650
LEAF_DAYS = 397
"""Browsers refuse more of a leaf."""
RENEW_DAYS = 30
DEFAULT = "_default"


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
    fresh.replace(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _builder(subject: x509.Name, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days) - timedelta(hours=2))
    )


def ensure_ca(layout: Layout) -> None:
    """Make the CA unless it is there: EC P-256, ten years, the key 0600, the certificate for everyone."""
    if layout.ca_cert.exists() and layout.ca_key.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Haibun local CA")])
    usage = x509.KeyUsage(
        digital_signature=False, key_cert_sign=True, crl_sign=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, CA_DAYS)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(layout.ca_key, _pem(key), 0o600)
    _write(layout.ca_cert, certificate.public_bytes(Encoding.PEM), 0o644)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _issue(layout: Layout, path: Path, names: list[str]) -> None:
    ensure_ca(layout)
    ca_key = load_pem_private_key(layout.ca_key.read_bytes(), None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{layout.ca_key} is not the key of an elliptic curve.")
    ca = x509.load_pem_x509_certificate(layout.ca_cert.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    # A common name holds 64 characters; clients look at the alternative names only.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    leaf = (
        _builder(subject, ca.subject, LEAF_DAYS)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _write(path, _pem(key) + leaf.public_bytes(Encoding.PEM) + ca.public_bytes(Encoding.PEM), 0o600)


def _fresh(path: Path, names: list[str]) -> bool:
    """Whether the file holds a certificate for these names that is not about to expire."""
    if not path.exists():
        return False
    leaf = x509.load_pem_x509_certificate(path.read_bytes())
    if leaf.not_valid_after_utc - datetime.now(UTC) < timedelta(days=RENEW_DAYS):
        return False
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(found) == {_general(name) for name in names}


def default_cert_path(layout: Layout) -> Path:
    """What clients get that send no SNI, such as the rendezvous of `run`."""
    return layout.certs / f"{DEFAULT}.pem"


def ensure_default_cert(layout: Layout, domain: str, more: tuple[str, ...] = ()) -> Path:
    """The certificate of the platform's own hosts, made or renewed if need be."""
    names = [domain, f"*.{domain}", f"api.{domain}", f"git.{domain}", "localhost", "127.0.0.1", "::1", *more]
    path = default_cert_path(layout)
    names = list(dict.fromkeys(names))
    if not _fresh(path, names):
        _issue(layout, path, names)
    return path


def needs_own_cert(host: str, domain: str) -> bool:
    """Whether the default certificate's wildcard does not do for the host."""
    label, _, parent = host.partition(".")
    return not ("." in domain and parent == domain and label)


def host_cert_path(layout: Layout, host: str) -> Path:
    """Where the host's certificate is kept; `*` is spelt out, as it has a meaning to shells."""
    return layout.certs / f"{host.replace('*', '_wildcard')}.pem"


def ensure_host_cert(layout: Layout, host: str) -> bool:
    """Have a certificate for the host, or renew it. True if it is new."""
    path = host_cert_path(layout, host)
    if _fresh(path, [host]):
        return False
    _issue(layout, path, [host])
    return True


def write_crt_list(layout: Layout) -> None:
    """What HAProxy loads at a start: the default first, then every host's own."""
    default = default_cert_path(layout)
    rest = sorted(path for path in layout.certs.glob("*.pem") if path != default and path.name[0] != ".")
    text = "".join(f"{path}\n" for path in (default, *rest))
    _write(layout.haproxy / "crt-list", text.encode(), 0o600)
