"""A connector with one operation per effect, and servers that misbehave on purpose."""

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings, RestConnector, operation
from schemas.civil import ChildCard


class Ask(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    nik: str = "9999010101900001"


class ExampleSettings(ConnectorSettings):
    model_config = SettingsConfigDict(env_prefix="SIMPUL_EXAMPLE_")


class Example(RestConnector[ExampleSettings]):
    """Three operations that differ only in what they do to the agency."""

    agency = "example"

    @operation(effect="read", purpose="test", contract="G")
    def read(self, query: Ask) -> ChildCard:
        """Reads."""
        return ChildCard(**self.post("card", query))

    @operation(effect="idempotent", purpose="test", contract="G")
    def put(self, query: Ask, *, reference: str) -> ChildCard:
        """Writes under a key the agency honours."""
        return ChildCard(**self.post("card", query), reference=reference)

    @operation(effect="write", purpose="test", contract="G", legal_basis="none")
    def write(self, query: Ask, *, reference: str) -> ChildCard:
        """Writes."""
        return ChildCard(**self.post("card", query), reference=reference)

    @write.reconcile
    def find(self, query: Ask, *, reference: str) -> ChildCard | None:
        """Looks a write up."""
        found = self.post(f"find/{reference}", query)
        return ChildCard(**found, reference=reference) if found else None


CARD = b'{"card_number": "KIA-99", "nik": "9999010101900001"}'


def http(body: bytes = CARD, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Server:
    """A server on loopback that does with each connection what its behaviour says."""

    listening: socket.socket
    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, connection: socket.socket) -> bytes:
        """The next whole request on a connection; empty when the other side has gone."""
        received = b""
        while b"\r\n\r\n" not in received:
            if not (part := connection.recv(65536)):
                return b""
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            (int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]


Behaviour = Callable[[Server, socket.socket], None]


def answering(*answers: bytes) -> Behaviour:
    """Answers the requests of all connections in turn, the last answer for ever, and keeps connections open."""
    left = list(answers)

    def behave(server: Server, connection: socket.socket) -> None:
        while server.request(connection):
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return behave


def dripping(beginning: bytes, drop: bytes = b" ") -> Behaviour:
    """Sends the beginning of an answer, and then a little more, for ever."""

    def behave(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(beginning)
        while not server.ended.wait(0.02):
            connection.sendall(drop)

    return behave


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate in files."""

    certificate: Path
    key: Path
    both: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context
