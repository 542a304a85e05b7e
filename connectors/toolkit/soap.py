"""`SoapConnector`: the base of connectors to agencies that speak SOAP, over zeep.

It and `wss` alone import zeep, which costs more than a second and is therefore imported with the first call.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Retriable
from connectors.toolkit.http import HttpConnector
from connectors.toolkit.settings import ConnectorSettings
from connectors.toolkit.transport import Reply

S = TypeVar("S", bound=ConnectorSettings)

# Its messages quote envelopes and, with their tracebacks, values.
logging.getLogger("zeep").setLevel(logging.CRITICAL)


class SoapConnector(HttpConnector[S], Generic[S]):
    """A connector over SOAP.

    The WSDL is a file in the connector's folder; nothing it names is ever loaded from elsewhere, and the address comes
    from `soap_address`, never from the WSDL. Envelopes travel as a `RestConnector`'s calls do: one deadline, a
    size limit (checked before any XML is parsed), verified TLS, no redirects, sent once.

    Attributes:
        wsdl: The pinned WSDL file.
        binding: Its binding, as `{namespace}name`.
    """

    wsdl: ClassVar[Path]
    binding: ClassVar[str]

    def __init__(self, settings: S | None = None) -> None:
        super().__init__(settings)
        self._service: Any = None
        self._building = threading.Lock()
        self._current = threading.local()

    @property
    def soap_address(self) -> str:
        """Where envelopes go; the agency's address, for connectors that speak nothing else."""
        return self.address

    def security(self) -> Any:
        """What signs envelopes and names us in them, as zeep's `wsse` takes it; None where the agency asks for nothing."""
        return None

    def soap(self, operation: str, body: Mapping[str, Any]) -> Any:
        """Calls an operation of the WSDL.

        Args:
            operation: Its name in the WSDL.
            body: Its parameters by element name, nested as the schema nests them.

        Returns:
            The answer as plain dicts, lists and values. A value that is not of the WSDL's type comes as None.

        Raises:
            AgencyError: There is no answer, it is a fault, or it is not as the WSDL says.
        """
        service = self._client()
        self._current.sent = False
        with self._naming_trouble():
            from zeep.helpers import serialize_object  # noqa: PLC0415

            return serialize_object(service[operation](**body), dict)

    def fault(self, code: str, message: str) -> AgencyError:
        """The error for a SOAP fault; agencies with fault codes of their own override it.

        Args:
            code: The fault code without its namespace prefix.
            message: The agency's text. It may quote input: never put it into an error.
        """
        del message
        if code in {"Client", "Sender", "VersionMismatch", "MustUnderstand"}:
            return BadData(f"SOAP_{code}", diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)
        return Retriable("SOAP_FAULT", diagnosis=diagnoses.AGENCY_FAULT, owner="agency", doubtful=True)

    def send(self, address: str, envelope: bytes, headers: Mapping[str, str]) -> Reply:
        """Sends an envelope that zeep has made; HTTP 500 is how faults come.

        Raises:
            AgencyError: There is no answer.
        """
        self._current.sent = True
        reply = self.transport.exchange(
            "POST",
            address,
            content=envelope,
            headers={**headers, **self.gateway_headers(), **self.headers()},
            accept=(500,),
        )
        start = reply.body[:64].lstrip().lower()
        if reply.status != 500 and (not start or start.startswith((b"<html", b"<!doctype html"))):
            raise Retriable("NO_ANSWER", diagnosis=diagnoses.NOT_AN_ANSWER, owner="agency", doubtful=True)
        return reply

    @contextlib.contextmanager
    def _naming_trouble(self) -> Iterator[None]:
        """The one place where trouble with SOAP gets its name."""
        from zeep import exceptions  # noqa: PLC0415

        try:
            yield
        except AgencyError:
            raise
        except exceptions.Fault as fault:
            code = str(fault.code or "").rsplit(":", 1)[-1].split(".", 1)[0]
            raise self.fault(code, str(fault.message or "")) from None
        except Exception as error:  # noqa: BLE001  (zeep stumbles over surprises in many ways)
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> AgencyError:
        kind = type(error).__name__
        if not self._current.sent:
            return BadData("REQUEST", diagnosis=diagnoses.BAD_REQUEST, owner="us", detail=kind, doubtful=False)
        if getattr(error, "status_code", 200) == 500:
            return Retriable("HTTP_500", diagnosis=diagnoses.AGENCY_FAULT, owner="agency", doubtful=True)
        return BadData("NOT_SOAP", diagnosis=diagnoses.UNREADABLE, detail=kind)

    def _client(self) -> Any:
        if self._service is None:
            with self._building:
                if self._service is None:
                    self._service = self._build()
        return self._service

    def _build(self) -> Any:
        import zeep  # noqa: PLC0415

        client = zeep.Client(
            str(self.wsdl),
            transport=_zeep_transport(self),
            wsse=self.security(),
            settings=zeep.Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True, strict=True),
        )
        return client.create_service(self.binding, self.soap_address)


def _zeep_transport(connector: SoapConnector[Any]) -> Any:
    """A zeep transport over our own, made in a function because its base class is imported late."""
    from zeep.transports import Transport as ZeepTransport  # noqa: PLC0415

    class LocalTransport(ZeepTransport):  # type: ignore[misc]
        """Sends through the connector, loads from the WSDL's folder only."""

        def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> "_ZeepReply":
            return _ZeepReply(connector.send(address, message, headers))

        def get(self, address: str, params: Any, headers: Any) -> Any:  # noqa: ARG002
            raise PermissionError("SOAP over GET is refused")

        def load(self, url: str) -> bytes:
            path = Path(url).resolve()
            if "://" in url or path.parent != connector.wsdl.resolve().parent:
                raise PermissionError("a WSDL may load files of its own folder only")
            return path.read_bytes()

    return LocalTransport(session=connector.transport.session)


class _ZeepReply:
    """As much of a requests response as zeep reads."""

    def __init__(self, reply: Reply) -> None:
        self.status_code = reply.status
        self.headers = reply.headers
        self.content = reply.body
        self.encoding = "utf-8"
