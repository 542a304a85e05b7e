"""Fetching a document from an address that somebody else named, such as OSS's `file_izin`.

Such an address may point anywhere, at our own machines first of all. So only public https addresses are gone to; a name is
resolved once, everything it resolves to is judged, and that very address is connected to; no redirect is followed; size, time and
kind are bounded. Nothing of the address gets into errors.
"""

import base64
import hashlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from connectors.toolkit import diagnoses
from connectors.toolkit.deadline import WATCHDOG, Call, Lever
from connectors.toolkit.errors import AgencyError, BadData, Retriable
from schemas import documents as records
from schemas.text import Text

PDF: Final = "application/pdf"

FORBIDDEN = Text(
    id="Alamat dokumen tidak boleh diambil: bukan https, atau bukan alamat publik. Minta instansi pengirim memperbaikinya.",
    en="The document's address may not be fetched: it is not https, or not public. Ask the sending agency to correct it.",
)
NOT_THE_KIND = Text(
    id="Dokumen bukan berkas PDF. Minta instansi pengirim memperbaikinya.",
    en="The document is not a PDF. Ask the sending agency to correct it.",
)
MISSING = Text(
    id="Dokumen tidak ada di alamat yang diberikan instansi.",
    en="There is no document at the address that the agency gave.",
)
TOO_LARGE = Text(
    id="Dokumen lebih besar daripada yang diizinkan kontrak.",
    en="The document is larger than the contract allows.",
)

Address = IPv4Address | IPv6Address

_CHUNK: Final = 64 * 1024
_TAIL: Final = 1024
# Ways of writing an IPv4 address as an IPv6 one, and networks that only routers and clouds mean something by.
_EMBEDDING: Final = tuple(
    map(ip_network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10"))
)
_METADATA: Final = frozenset(map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")))


@dataclass(frozen=True)
class Limits:
    """What a fetch may cost and where it may go.

    Attributes:
        seconds: In all, from resolving the name to the last byte.
        kinds: Media types that are accepted, with what such a file begins with, and what is near its end.
        loopback: Loopback addresses may be fetched as well, also over http: only for a sandbox on this machine.
        ca_file: PEM file of the only CA to trust; the system's CAs when not set.
    """

    max_bytes: int = 2 * 1024 * 1024
    seconds: float = 10.0
    kinds: Mapping[str, tuple[bytes, bytes]] = field(
        default_factory=lambda: MappingProxyType({PDF: (b"%PDF-", b"%%EOF")})
    )
    loopback: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True)
class Document:
    """A fetched file."""

    content: bytes
    media_type: str

    def record(self) -> records.Document:
        """The file as a record; without its content where that is too large for a message."""
        written = base64.b64encode(self.content).decode()
        return records.Document(
            sha256=hashlib.sha256(self.content).hexdigest(),
            size=len(self.content),
            media_type=self.media_type,
            content=written if len(written) <= records.MAX_CONTENT else None,
        )


def fetch(url: str, limits: Limits) -> Document:
    """The document at an address.

    Raises:
        BadData: The address may not be fetched, or what is there is missing, too large or of another kind.
        Retriable: No whole answer was to be had now.
    """
    parts = _allowed(url, limits)
    call = Call(limits.seconds)
    WATCHDOG.watch(call)
    try:
        document = _over(_connected(parts, limits, call), parts, limits)
        if call.expired:
            raise _late()
    except (OSError, http.client.HTTPException) as error:
        raise _named(error, call) from None
    finally:
        WATCHDOG.release(call)
        if call.lever is not None:
            call.lever.close()
    return document


def checked(content: bytes, media_type: str, limits: Limits) -> Document:
    """A document that came another way, held to the same kinds and size.

    Raises:
        BadData: It is too large or of another kind.
    """
    if media_type not in limits.kinds:
        raise BadData("MEDIA_TYPE", diagnosis=NOT_THE_KIND, doubtful=False)
    if len(content) > limits.max_bytes:
        raise _too_large(limits)
    start, end = limits.kinds[media_type]
    if not content.startswith(start) or end not in content[-_TAIL:]:
        raise BadData("CONTENT", diagnosis=NOT_THE_KIND, doubtful=False)
    return Document(content, media_type)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, written plainly."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and address not in _METADATA
        and not any(address in network for network in _EMBEDDING if network.version == address.version)
    )


def _allowed(url: str, limits: Limits) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (reading it checks it)
    except ValueError:
        raise _forbidden("not a URL") from None
    # What a parser passes over in silence is how two parsers come to read two hosts.
    if not url.isascii() or not url.isprintable() or any(letter in url for letter in ' \\"<>^`{|}'):
        raise _forbidden("characters that no URL has")
    if parts.scheme not in ({"https", "http"} if limits.loopback else {"https"}):
        raise _forbidden("not https")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise _forbidden("no host, or credentials in it")
    return parts


def _connected(parts: SplitResult, limits: Limits, call: Call) -> socket.socket:
    trouble: OSError = OSError()
    for address in _resolved(parts, limits, call):
        if call.over:
            break
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            # While it connects there is no lever yet: this ends it.
            line.settimeout(max(0.01, call.deadline - time.monotonic()))
            line.connect((str(address), _port(parts)))
            call.lever = Lever(line)
            return line if parts.scheme == "http" else _secured(line, parts, limits)
        except OSError as error:
            line.close()
            trouble = error
            if isinstance(error, ssl.SSLError):
                break
    raise trouble


def _secured(line: socket.socket, parts: SplitResult, limits: Limits) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=limits.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        return context.wrap_socket(line, server_hostname=parts.hostname)
    except ssl.SSLError:
        # One of its kinds is a ValueError, too.
        raise
    except ValueError:
        raise _forbidden("a host that cannot be in a certificate") from None


def _resolved(parts: SplitResult, limits: Limits, call: Call) -> Iterator[Address]:
    """The addresses of the host, judged all together: one bad one among them spoils the name."""
    found: list[Address] = []
    for *_, place in _looked_up(parts, limits, call):
        try:
            address = ip_address(place[0])
        except ValueError:
            raise _forbidden("a scoped address") from None
        own = limits.loopback and address.is_loopback
        if not own and (parts.scheme == "http" or not is_public(address)):
            raise _forbidden("not a public address")
        found.append(address)
    return iter(dict.fromkeys(found))


def _looked_up(parts: SplitResult, limits: Limits, call: Call) -> list[tuple[Any, ...]]:
    """Resolving cannot be cut short, so another thread does it and is left behind when it takes too long."""
    answers: list[list[tuple[Any, ...]] | OSError] = []

    def ask() -> None:
        try:
            answers.append([*socket.getaddrinfo(parts.hostname, _port(parts), type=socket.SOCK_STREAM)])
        except (OSError, UnicodeError) as error:
            answers.append(error if isinstance(error, OSError) else socket.gaierror())

    thread = threading.Thread(target=ask, name="document-host", daemon=True)
    thread.start()
    thread.join(limits.seconds)
    if not answers or call.over:
        raise TimeoutError
    answer = answers[0]
    if isinstance(answer, OSError):
        raise answer
    return answer


def _over(line: socket.socket, parts: SplitResult, limits: Limits) -> Document:
    with line:
        connection = http.client.HTTPConnection(parts.hostname or "", _port(parts))
        connection.sock = line
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        accept = {"Accept": ", ".join(limits.kinds), "Accept-Encoding": "identity", "User-Agent": "simpul"}
        connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": parts.netloc, "Connection": "close", **accept}.items():
            connection.putheader(name, value)
        connection.endheaders()
        with connection.getresponse() as response:
            _is_good(response)
            return _read(response, limits)


def _is_good(response: http.client.HTTPResponse) -> None:
    status = response.status
    if 300 <= status < 400:
        raise _forbidden("a redirect")
    # 401 and 403 too: it is no credential of ours that is refused, and one bad address must not stop a connector.
    if status in {401, 403, 408, 425, 429} or status >= 500:
        raise Retriable(f"HTTP_{status}", diagnosis=diagnoses.AGENCY_FAULT)
    if status != 200:
        raise BadData(f"HTTP_{status}", diagnosis=MISSING, doubtful=False)
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise BadData("ENCODED", diagnosis=NOT_THE_KIND, doubtful=False)


def _read(response: http.client.HTTPResponse, limits: Limits) -> Document:
    media_type = response.headers.get_content_type()
    if response.headers.get("Content-Type") is None or media_type not in limits.kinds:
        raise BadData("MEDIA_TYPE", diagnosis=NOT_THE_KIND, doubtful=False)
    if (response.length or 0) > limits.max_bytes:
        raise _too_large(limits)
    content = bytearray()
    while part := response.read(_CHUNK):
        content += part
        if len(content) > limits.max_bytes:
            raise _too_large(limits)
    if response.length:
        raise http.client.IncompleteRead(b"")
    return checked(bytes(content), media_type, limits)


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _named(error: Exception, call: Call) -> AgencyError:
    if call.expired or isinstance(error, TimeoutError):
        return _late()
    if isinstance(error, ssl.SSLCertVerificationError):
        return BadData("TLS_CERTIFICATE", diagnosis=diagnoses.CERTIFICATE, doubtful=False)
    if isinstance(error, socket.gaierror):
        return Retriable("UNKNOWN_HOST", diagnosis=diagnoses.UNKNOWN_HOST, owner="agency")
    return Retriable(
        "CONNECTION_LOST", diagnosis=diagnoses.CONNECTION_LOST, owner="network", detail=type(error).__name__
    )


def _late() -> Retriable:
    return Retriable("DEADLINE", diagnosis=diagnoses.DEADLINE)


def _forbidden(why: str) -> BadData:
    return BadData("FORBIDDEN_ADDRESS", diagnosis=FORBIDDEN, detail=why, doubtful=False)


def _too_large(limits: Limits) -> BadData:
    return BadData("TOO_LARGE", diagnosis=TOO_LARGE, detail=f"more than {limits.max_bytes} bytes", doubtful=False)
