"""The way to an agency's real endpoint, step by step, for a team that goes on site; then the reads it asks for, and nothing else.

The steps are checks like the others: each says what to ask the agency for when it fails. A step that fails ends the way. A
connector may know more than the wire tells: `quota_left` (calls left today) and `seen_as` (our address as the agency sees it)
are read where it has them.
"""

import email.utils
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel

from connectors import registry
from connectors.conformance.check import Check, Finding, check
from connectors.conformance.leaks import Words
from connectors.conformance.subject import listening
from connectors.conformance.suite import Result, run
from connectors.toolkit.connector import Connector
from connectors.toolkit.errors import AgencyError, Misconfigured, Rejected
from connectors.toolkit.settings import ConnectorSettings, from_environment
from connectors.toolkit.transport import tls_context

FEW_DAYS: Final = 21
MOST_SKEW: Final = 60.0
_ANY_STATUS: Final = range(100, 600)


class Site:
    """An agency's real endpoint as our settings have it.

    Args:
        agency: Its name in the registry.
        requests: The reads to make, by operation.
    """

    def __init__(self, agency: str, requests: Mapping[str, BaseModel]) -> None:
        self.agency = agency
        self.requests = requests
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def settings(self) -> ConnectorSettings:
        """Those of the environment.

        Raises:
            Misconfigured: One is missing or wrong.
        """
        model: type[ConnectorSettings] = registry.connector_class(self.agency).settings_class()
        return from_environment(model)

    @cached_property
    def connector(self) -> Connector[Any]:
        """The connector, as the gateway would make it."""
        return self._stack.enter_context(registry.connect(self.agency, self.settings))

    @property
    def host(self) -> str:
        """The host that calls go to."""
        return urlsplit(self.settings.address).hostname or ""

    @property
    def port(self) -> int:
        """Its port."""
        parts = urlsplit(self.settings.address)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def secure(self) -> bool:
        """Whether calls go over TLS."""
        return urlsplit(self.settings.address).scheme == "https"

    def connected(self) -> socket.socket:
        """A connection to it.

        Raises:
            OSError: There is no route, or nobody listens.
        """
        return socket.create_connection((self.host, self.port), timeout=self.settings.call_deadline)

    def settle(self) -> None:
        """Nothing: what a real agency does is its own affair."""


@check(
    "live.settings",
    proves="All settings are there and of the right form.",
    matters="Without them the gateway does not start.",
    remedy="Set the variables that are named; `simpul connector list --settings AGENCY` says what each is and who gives it.",
)
def settings(site: Site) -> Iterable[Finding]:
    """Reads the environment."""
    try:
        site.settings  # noqa: B018  (read for its error)
    except Misconfigured as error:
        yield Finding(site.agency, error.detail or str(error))


@check(
    "live.name",
    proves="The agency's host name is known here.",
    matters="A name that is known at the office is often not known in the mall's network.",
    remedy="Ask the agency for the name or address that its private network (VPN, FTP-VPN, MPLS) uses, and your network team for DNS.",
)
def name(site: Site) -> Iterable[Finding]:
    """Asks DNS."""
    try:
        found = socket.getaddrinfo(site.host, site.port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield Finding(site.host, f"is not known: {error.strerror or type(error).__name__}")
    else:
        yield Finding(site.host, f"is {', '.join(sorted({str(entry[4][0]) for entry in found}))}", note=True)


@check(
    "live.route",
    proves="There is a way to the agency, and somebody listens.",
    matters="Firewalls on both sides drop what nobody asked them to let through.",
    remedy="Ask the agency to open this port for our address, and your network team for the way out; name both addresses.",
)
def route(site: Site) -> Iterable[Finding]:
    """Connects."""
    try:
        with site.connected() as line:
            yield Finding("our side", f"connects from {line.getsockname()[0]}, before any translation", note=True)
    except OSError as error:
        what = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
        yield Finding(f"{site.host}:{site.port}", what)


@check(
    "live.tls",
    proves="The agency's certificate chain is good by the pinned CA, names the host, and lasts.",
    matters="Without it somebody in between can read and change everything.",
    remedy="Ask the agency for its CA certificate (`ca_file`), the name in its server certificate (`tls_name`), or a renewal.",
)
def tls(site: Site) -> Iterable[Finding]:
    """Shakes hands as the connector will."""
    if not site.secure:
        yield Finding(site.host, "is called without TLS", note=True)
        return
    try:
        context = tls_context(site.settings)
        with site.connected() as line, context.wrap_socket(line, server_hostname=_name(site)) as secured:
            certificate = secured.getpeercert() or {}
            version = secured.version()
    except Misconfigured as error:
        yield Finding("ca_file, client_cert", error.detail or str(error))
        return
    except ssl.SSLCertVerificationError as error:
        yield Finding(site.host, f"its certificate is not trusted: {error.verify_message}")
        return
    except OSError as error:
        yield Finding(site.host, f"no TLS connection: {getattr(error, 'reason', None) or type(error).__name__}")
        return
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (until - datetime.now(UTC)).days
    yield Finding(
        "the certificate", f"lasts {days} days more, until {until:%Y-%m-%d} ({version})", note=days >= FEW_DAYS
    )


@check(
    "live.clock",
    proves="Our clock and the agency's agree.",
    matters="Signatures and tokens carry the time; an agency refuses those that are minutes off.",
    remedy="Synchronise this machine by NTP; if it is, tell the agency that its clock is off, and by how much.",
)
def clock(site: Site) -> Iterable[Finding]:
    """Compares the Date header of a HEAD of the base address."""
    transport = getattr(site.connector, "transport", None)
    if transport is None:
        yield Finding(site.host, "does not speak HTTP: no clock to compare", note=True)
        return
    try:
        reply = transport.exchange("HEAD", site.settings.address, accept=_ANY_STATUS)
        theirs = email.utils.parsedate_to_datetime(reply.headers.get("Date", ""))
    except AgencyError as error:
        yield Finding(site.host, str(error))
    except (TypeError, ValueError):
        yield Finding(site.host, "tells no time", note=True)
    else:
        skew = (theirs.astimezone(UTC) - datetime.now(UTC)).total_seconds()
        yield Finding(site.host, f"its clock is {skew:+.0f} s from ours", note=abs(skew) <= MOST_SKEW)


@check(
    "live.reads",
    proves="The agency takes our credentials and address, and answers the reads given with records; nothing personal is said.",
    matters="This is the first call that a citizen's application will make.",
    remedy="Ask the agency whether our user, key and address are registered for this interface, and for which of its methods.",
)
def reads(site: Site) -> Iterable[Finding]:
    """Makes each read that was asked for, once."""
    if not site.requests:
        yield Finding("credentials", "not tried: give a read with --request OPERATION=JSON", note=True)
    operations = site.connector.operations()
    for operation, request in site.requests.items():
        words = Words.of([request], _secrets(site.settings))
        with listening() as logs:
            try:
                record = operations[operation].invoke(site.connector, request)
            except Rejected as refused:
                yield Finding(operation, f"the agency knows us, and says no to this request: {refused}", note=True)
                yield from (Finding(operation, f"something personal is in {place}") for place in words.leaks(refused))
            except AgencyError as error:
                yield Finding(operation, f"{error} ({error.detail})" if error.detail else str(error))
                yield from (Finding(operation, f"something personal is in {place}") for place in words.leaks(error))
            else:
                yield Finding(operation, f"answered with {record.schema_id()}", note=True)
            if any(map(words.in_text, logs.said())):
                yield Finding(operation, "something personal or secret is in a log message")


@check(
    "live.address",
    proves="Our address as the agency sees it, where it tells.",
    matters="Agencies let in registered addresses only, and translation on the way changes ours.",
    remedy="Ask the agency which address our calls come from, and to register that one.",
)
def address(site: Site) -> Iterable[Finding]:
    """Asks the connector what it has been told."""
    seen = getattr(site.connector, "seen_as", None)
    yield Finding("our side", f"is {seen} to the agency" if seen else "the agency does not tell", note=True)


@check(
    "live.quota",
    proves="Calls are left for today.",
    matters="An exhausted quota stops every counter until midnight.",
    remedy="Ask the agency for a larger daily quota, or set `daily_quota` and spread the load.",
)
def quota(site: Site) -> Iterable[Finding]:
    """Asks the connector what it has been told, or our settings."""
    left, daily = getattr(site.connector, "quota_left", None), site.settings.daily_quota
    if left is None:
        known = "the agency does not tell" + (f"; the agreement allows {daily} a day" if daily is not None else "")
        yield Finding("quota", known, note=True)
    else:
        yield Finding("quota", f"{left} calls are left for today", note=left > (daily or 0) // 10)


STEPS: Final[tuple[Check, ...]] = (settings, name, route, tls, clock, reads, address, quota)


def examine(agency: str, requests: Mapping[str, BaseModel]) -> Iterator[Result]:
    """Goes the way to the real endpoint; ends at the first step of it that cannot be taken.

    Args:
        agency: Its name in the registry.
        requests: The reads to make, by operation.

    Raises:
        ValueError: One of them is no read.
    """
    operations = registry.connector_class(agency).operations()
    if others := [name for name in requests if operations[name].effect != "read"]:
        raise ValueError(f"{others[0]} is no read: nothing is written on a live check")
    with Site(agency, requests) as site:
        for step in STEPS:
            result = run(step, site)
            yield result
            if not result.passed and step in STEPS[:4]:
                return


def _name(site: Site) -> str:
    return site.settings.tls_name or site.host


def _secrets(found: ConnectorSettings) -> list[str]:
    return [value.get_secret_value() for value in dict(found).values() if hasattr(value, "get_secret_value")]
