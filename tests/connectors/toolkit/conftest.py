import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from misbehaving import Behaviour, Certificate, Example, ExampleSettings, Server


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers: `serve(behaviour, tls=context)`."""
    with contextlib.ExitStack() as stack:

        def start(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Server:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server = Server(listening, listening.getsockname()[1])

            def one(connection: socket.socket) -> None:
                with contextlib.suppress(OSError, ssl.SSLError), connection:
                    if tls is None:
                        behave(server, connection)
                    else:
                        with tls.wrap_socket(connection, server_side=True) as secured:
                            behave(server, secured)

            def accept() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listening.accept()
                        server.connections += 1
                        threading.Thread(target=one, args=(connection,), daemon=True).start()

            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(listening.shutdown, socket.SHUT_RDWR)
            stack.callback(server.ended.set)
            return server

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., Example]]:
    """Makes connectors: `connect(server.url, call_deadline=0.5)`."""
    with contextlib.ExitStack() as stack:
        yield lambda base_url, **settings: stack.enter_context(Example(ExampleSettings(base_url=base_url, **settings)))


@pytest.fixture
def certify(tmp_path: Path) -> Callable[..., Certificate]:
    """Makes self-signed certificates: `certify("name")` for 127.0.0.1, `certify("x", host="agency.example")`."""

    def make(name: str, host: str = "127.0.0.1") -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        with contextlib.suppress(ValueError):
            host = x509.IPAddress(ipaddress.ip_address(host))
        alternative = x509.DNSName(host) if isinstance(host, str) else host
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        made = Certificate(tmp_path / f"{name}.pem", tmp_path / f"{name}.key", tmp_path / f"{name}.both.pem")
        made.certificate.write_bytes(pem)
        made.key.write_bytes(private)
        made.both.write_bytes(pem + private)
        return made

    return make
