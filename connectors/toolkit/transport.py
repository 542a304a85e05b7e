"""One HTTP exchange with an agency, within a deadline and a size, over requests.

The only place where exceptions of requests and HTTP statuses become the errors of rule 8; what an answer means is
the connector's business.
"""

import email.utils
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import requests
from pydantic import BaseModel
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError
from urllib3.poolmanager import PoolManager

from connectors.toolkit import diagnoses
from connectors.toolkit.deadline import WATCHDOG, Call, Lever
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Retriable
from connectors.toolkit.settings import ConnectorSettings
from schemas.text import Text

M = TypeVar("M", bound=BaseModel)

# Its messages quote URLs, and the path of some agencies holds a NIK.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

_here = threading.local()


@dataclass(frozen=True)
class Reply:
    """An agency's whole answer.

    Attributes:
        headers: Case-insensitive.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Retriable: Nothing, or a web page, came instead: a proxy or a maintenance page answered.
            BadData: It is not JSON.
        """
        if (error := self._not_an_answer()) is not None:
            raise error
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise BadData("NOT_JSON", diagnosis=diagnoses.UNREADABLE, detail=self._shape()) from None

    def parse(self, model: type[M]) -> M:
        """The body as a wire model; faster than `json()` and then validating.

        Raises:
            Retriable: Nothing, or a web page, came instead.
            BadData: It is not JSON, or not as the contract says (through `@operation`).
        """
        if (error := self._not_an_answer()) is not None:
            raise error
        return model.model_validate_json(self.body)

    def _not_an_answer(self) -> Retriable | None:
        start = self.body[:64].lstrip()
        if start and not start.startswith(b"<"):
            return None
        return Retriable(
            "NO_ANSWER", diagnosis=diagnoses.NOT_AN_ANSWER, owner="agency", detail=self._shape(), doubtful=True
        )

    def _shape(self) -> str:
        return f"HTTP {self.status}, {self.headers.get('Content-Type', 'no content type')}, {len(self.body)} bytes"


class Transport:
    """Exchanges with one agency; safe to use from several threads.

    Nothing is ever sent twice: no retries, no redirects, and a kept connection that turns out to be dead is an error.
    No cookies are kept, no proxy or netrc of the environment is used.
    """

    def __init__(self, settings: ConnectorSettings) -> None:
        self._deadline = settings.call_deadline
        self._max_bytes = settings.max_response_bytes
        self._adapter = _Adapter(settings)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.max_redirects = 0
        self.session.mount("https://", self._adapter)
        self.session.mount("http://", self._adapter)
        self.session.headers = cast(
            Any, {"User-Agent": "simpul", "Accept-Encoding": "identity", "Connection": "keep-alive"}
        )

    def exchange(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Reply:
        """Sends one request and reads the whole answer.

        Args:
            method: `GET`, `POST`, …
            url: Whole, quoted.
            content: The body.
            params: Added to the URL, quoted here.
            headers: Stronger than the session's.
            accept: Statuses beside 2xx whose answer the caller wants to read.

        Raises:
            AgencyError: There is no such answer; `doubtful` where the request may have been carried out.
        """
        request = self.session.prepare_request(
            requests.Request(method, url, data=content, params=params, headers=headers)
        )
        call = Call(self._deadline)
        _here.call = call
        WATCHDOG.watch(call)
        try:
            # The session's own send would add redirects, hooks and cookies, none of which is wanted.
            response = self._adapter.send(request, stream=True, timeout=self._deadline)
            body = self._body(response)
            # A cut connection looks like the end of an answer whose length was not announced.
            if call.expired:
                raise _deadline_passed(call)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _named(error, call) from None
        finally:
            WATCHDOG.release(call)
            if call.lever is not None:
                call.lever.close()
            _here.call = None
        if 200 <= response.status_code < 300 or response.status_code in accept:
            if (watch := getattr(_here, "watch", None)) is not None:
                watch(body)
            return Reply(response.status_code, response.headers, body)
        raise refused(response.status_code, response.headers)

    def close(self) -> None:
        """Closes the connections that are kept."""
        self.session.close()

    def _body(self, response: requests.Response) -> bytes:
        raw = response.raw
        try:
            if int(raw.headers.get("Content-Length") or 0) > self._max_bytes:
                raise self._too_large()
            whole = b""
            while len(whole) <= self._max_bytes:
                part = raw.read(self._max_bytes + 1 - len(whole), decode_content=True)
                if not part:
                    raw.release_conn()
                    return whole
                whole = whole + part if whole else part
            raise self._too_large()
        except BaseException:
            raw.close()
            raise

    def _too_large(self) -> BadData:
        return BadData("TOO_LARGE", diagnosis=diagnoses.TOO_LARGE, detail=f"more than {self._max_bytes} bytes")


@contextmanager
def watching(watch: Callable[[bytes], None]) -> Iterator[None]:
    """Every good answer that this thread receives inside the block is shown to `watch`, as it came."""
    before = getattr(_here, "watch", None)
    _here.watch = watch
    try:
        yield
    finally:
        _here.watch = before


def tls_context(settings: ConnectorSettings) -> ssl.SSLContext:
    """TLS 1.2 or later, verified against the connector's own CA, or the system's when it has none.

    Raises:
        Misconfigured: A certificate file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.client_cert is not None:
            context.load_cert_chain(settings.client_cert)
    except (OSError, ssl.SSLError) as error:
        detail = f"ca_file or client_cert: {error.strerror or type(error).__name__}"
        raise Misconfigured("TLS_FILES", diagnosis=diagnoses.SETTINGS, detail=detail) from None
    return context


class _Line:
    """What both kinds of connection add: they know their call, say when it is sent, and have a lever."""

    call: Call | None = None
    lever: Lever | None = None

    def take(self, call: Call | None) -> None:
        self.call = call
        if call is not None:
            call.lever = self.lever

    def _opened(self, opened: socket.socket) -> socket.socket:
        self.lever = Lever(opened)
        if self.call is not None:
            self.call.lever = self.lever
        self._still_in_time()
        return opened

    def _before_sending(self) -> None:
        self._still_in_time()
        if self.call is not None:
            self.call.sent = True

    def _closed(self) -> None:
        # An answer without a length is read after http.client has closed its connection: in a call, the lever stays.
        if self.lever is not None and self.call is None:
            self.lever.close()
            self.lever = None

    def _still_in_time(self) -> None:
        if self.call is not None and self.call.over:
            self.call.expired = True
            raise TimeoutError("the call's deadline passed before anything was sent")


class _PlainLine(_Line, HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return self._opened(super()._new_conn())

    def send(self, data: Any) -> None:
        # Connecting here keeps "could not connect" apart from "sent".
        if self.sock is None:
            self.connect()
        self._before_sending()
        super().send(data)

    def close(self) -> None:
        super().close()
        self._closed()


class _SecureLine(_Line, HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return self._opened(super()._new_conn())

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self._before_sending()
        super().send(data)

    def close(self) -> None:
        super().close()
        self._closed()


class _LinePool:
    """Hands each connection its call, and lets no connection back in that the watchdog may be about to cut."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        line = super()._get_conn(timeout)  # type: ignore[misc]
        line.take(getattr(_here, "call", None))
        return line

    def _put_conn(self, conn: Any) -> None:
        if conn is not None and conn.call is not None:
            ours = WATCHDOG.release(conn.call)
            conn.call.lever = None
            conn.take(None)
            if conn.sock is None or not ours:
                conn.close()
        super()._put_conn(conn)  # type: ignore[misc]


class _PlainPool(_LinePool, HTTPConnectionPool):
    ConnectionCls = _PlainLine


class _SecurePool(_LinePool, HTTPSConnectionPool):
    ConnectionCls = _SecureLine


class _Adapter(HTTPAdapter):
    def __init__(self, settings: ConnectorSettings) -> None:
        self._settings = settings
        super().__init__(pool_connections=2, pool_maxsize=settings.concurrency, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **_: Any) -> None:  # noqa: FBT001, FBT002
        options: dict[str, Any] = {}
        if self._settings.base_url.startswith("https:"):
            options["ssl_context"] = tls_context(self._settings)
            options["server_hostname"] = self._settings.tls_name
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def cert_verify(self, *_: Any) -> None:
        """Nothing: the original adds the public CAs to ours, and what may be trusted is in our context alone."""

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        return self.poolmanager.connection_from_url(request.url)


def _named(error: Exception, call: Call) -> AgencyError:
    """The one place where trouble with a connection gets its name."""
    causes = list(_causes(error))
    if call.expired or (isinstance(error, requests.Timeout) and call.over):
        return _deadline_passed(call)
    if not call.sent:
        return _never_sent(causes)
    if any(isinstance(cause, TimeoutError) for cause in causes) or isinstance(error, requests.Timeout):
        return _deadline_passed(call)
    return Retriable(
        "CONNECTION_LOST",
        diagnosis=diagnoses.CONNECTION_LOST,
        owner="network",
        detail=_kinds(causes),
        doubtful=True,
    )


def _never_sent(causes: list[BaseException]) -> AgencyError:
    if (refused := next((c for c in causes if isinstance(c, ssl.SSLCertVerificationError)), None)) is not None:
        return Misconfigured("TLS_CERTIFICATE", diagnosis=diagnoses.CERTIFICATE, detail=refused.verify_message)
    if any(isinstance(cause, NameResolutionError | socket.gaierror) for cause in causes):
        return Retriable("UNKNOWN_HOST", diagnosis=diagnoses.UNKNOWN_HOST, owner="us")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Retriable("TLS", diagnosis=diagnoses.TLS, owner="network", detail=_kinds(causes))
    return Retriable("UNREACHABLE", diagnosis=diagnoses.UNREACHABLE, owner="network", detail=_kinds(causes))


def _deadline_passed(call: Call) -> Retriable:
    if call.sent:
        return Retriable("DEADLINE", diagnosis=diagnoses.DEADLINE, owner="agency", doubtful=True)
    return Retriable("UNREACHABLE", diagnosis=diagnoses.UNREACHABLE, owner="network", detail="deadline passed")


def _causes(error: BaseException) -> Any:
    """The error and what it wraps: requests and urllib3 put causes into arguments and attributes, too."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [*one.args, one.__cause__, one.__context__, getattr(one, "reason", None)]


def _kinds(causes: list[BaseException]) -> str:
    return " < ".join(dict.fromkeys(type(cause).__name__ for cause in causes))


@dataclass(frozen=True)
class _Refusal:
    """What an HTTP status means. `doubtful`: the agency may have carried the request out all the same."""

    make: Callable[..., AgencyError]
    diagnosis: Text
    owner: str
    doubtful: bool = False


_ADDRESS = _Refusal(Misconfigured, diagnoses.WRONG_ADDRESS, "us")
_CREDENTIALS = _Refusal(Misconfigured, diagnoses.CREDENTIALS, "us")
_FORM = _Refusal(BadData, diagnoses.BAD_REQUEST, "us")
_SLOW_DOWN = _Refusal(Retriable, diagnoses.BUSY, "agency")
_FAULT = _Refusal(Retriable, diagnoses.AGENCY_FAULT, "agency", doubtful=True)
_REDIRECT = _Refusal(Misconfigured, diagnoses.REDIRECTED, "us")

REFUSALS: Mapping[int, _Refusal] = {
    # After a POST these say "done, look there"; 307 and 308 say "not here".
    **dict.fromkeys((300, 301, 302, 303), _Refusal(Misconfigured, diagnoses.REDIRECTED, "us", doubtful=True)),
    **dict.fromkeys((304, 305, 307, 308), _REDIRECT),
    **dict.fromkeys((401, 402, 403, 407), _CREDENTIALS),
    **dict.fromkeys((404, 405, 410, 421, 426, 501, 505), _ADDRESS),
    **dict.fromkeys((425, 429), _SLOW_DOWN),
    # Conflict: perhaps with our own earlier attempt.
    409: _Refusal(BadData, diagnoses.BAD_REQUEST, "us", doubtful=True),
    408: _FAULT,
}
"""HTTP statuses that need a name of their own; other 4xx are `_FORM`, other 5xx `_FAULT`."""


def refused(status: int, headers: Mapping[str, str]) -> AgencyError:
    """The error that an HTTP status says, where the caller wanted a good answer."""
    refusal = REFUSALS.get(status, _FORM if 400 <= status < 500 else _FAULT)
    more: dict[str, Any] = {}
    if refusal.make is Retriable:
        more["retry_after"] = _retry_after(headers)
    return refusal.make(
        f"HTTP_{status}", diagnosis=refusal.diagnosis, owner=refusal.owner, doubtful=refusal.doubtful, **more
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; a date counts from the agency's own clock (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        until, now = (email.utils.parsedate_to_datetime(text) for text in (value, headers.get("Date", "")))
    except (TypeError, ValueError):
        return None
    return max(0.0, (until - now).total_seconds())
