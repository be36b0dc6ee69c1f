"""The server's end of attached dynos, over real TLS with an authority of its own, scripted by the test."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SECRET = "s3cr3t"


def make_authority(folder: Path) -> tuple[Path, Path]:
    """(ca.pem, server.pem with key) for localhost."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder(ca_name, subject, public, x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        if not ca:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
        return builder.sign(ca_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    ca_file, server_file = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(certificate(ca_name, ca_key.public_key(), ca=True).public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server_file.write_bytes(private + certificate(name, key.public_key(), ca=False).public_bytes(pem))
    return ca_file, server_file


class Line:
    """One attached client, as the script sees it. `secret`: what it sent first."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.connection = connection
        self.secret = self.read_until(b"\r\n").decode()

    def write(self, data: bytes) -> None:
        self.connection.sendall(data)

    def read_until(self, end: bytes) -> bytes:
        data = b""
        while not data.endswith(end):
            byte = self.connection.recv(1)
            if not byte:
                raise EOFError(data)
            data += byte
        return data.removesuffix(end)

    def exit(self, code: int) -> None:
        self.write(f"\uffff heroku-command-exit-status: {code}\n".encode())


class Rendezvous:
    """Accepts one client and plays `script`. `error`: what went wrong in it."""

    def __init__(self, server_file: Path, script: Callable[[Line], None], greeting: bytes) -> None:
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._script = script
        self.error: BaseException | None = None
        self.url = f"rendezvous://localhost:{self._listener.getsockname()[1]}/{SECRET}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server_file)
        self._context = context
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            plain, _ = self._listener.accept()
            with self._context.wrap_socket(plain, server_side=True) as connection:
                connection.settimeout(20)
                line = Line(connection)
                line.write(self._greeting)
                self._script(line)
                connection.unwrap()
        except BaseException as error:
            self.error = error

    def finish(self) -> None:
        """Wait for the script's end."""
        self._listener.close()
        self._thread.join(20)
        if isinstance(self.error, AssertionError | EOFError):
            raise self.error
