"""`SoapConnector`: the base of connectors to agencies that speak SOAP, over zeep.

The only importer of zeep, which costs more than a second to import and is therefore imported with the first call.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from connectors.toolkit import diagnoses
from connectors.toolkit.connector import Connector
from connectors.toolkit.errors import AgencyError, BadData, Retriable
from connectors.toolkit.settings import ConnectorSettings
from connectors.toolkit.transport import Reply, Transport

S = TypeVar("S", bound=ConnectorSettings)

# Its debug messages quote envelopes.
logging.getLogger("zeep").setLevel(logging.WARNING)


class SoapConnector(Connector[S], Generic[S]):
    """A connector over SOAP.

    The WSDL is a file in the connector's folder; nothing it names is ever loaded from elsewhere, and the address comes
    from `settings.base_url`, never from the WSDL. Envelopes travel as a `RestConnector`'s calls do: one deadline, a
    size limit (checked before any XML is parsed), verified TLS, no redirects, sent once.

    Attributes:
        wsdl: The pinned WSDL file.
        binding: Its binding, as `{namespace}name`.
    """

    wsdl: ClassVar[Path]
    binding: ClassVar[str]

    def __init__(self, settings: S | None = None) -> None:
        super().__init__(settings)
        self.transport = Transport(self.settings)
        self._service: Any = None
        self._building = threading.Lock()

    def headers(self) -> Mapping[str, str]:
        """HTTP headers that every call carries beside zeep's."""
        return {}

    def soap(self, operation: str, body: Mapping[str, Any]) -> Any:
        """Calls an operation of the WSDL.

        Args:
            operation: Its name in the WSDL.
            body: Its parameters by element name, nested as the schema nests them.

        Returns:
            The answer as plain dicts, lists and values.

        Raises:
            AgencyError: There is no answer, it is a fault, or it is not as the WSDL says.
        """
        service = self._client()
        with _named_by(self):
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

    def close(self) -> None:
        """Closes the connections that are kept."""
        self.transport.close()

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
            settings=zeep.Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True, strict=True),
        )
        return client.create_service(self.binding, self.settings.base_url)


def _zeep_transport(connector: SoapConnector[Any]) -> Any:
    """A zeep transport over our own, made in a function because its base class is imported late."""
    from zeep.transports import Transport as ZeepTransport  # noqa: PLC0415

    class LocalTransport(ZeepTransport):  # type: ignore[misc]
        """Sends through the connector's transport, loads from the WSDL's folder only."""

        def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> "_ZeepReply":
            reply = connector.transport.exchange(
                "POST", address, content=message, headers={**headers, **connector.headers()}, accept=(500,)
            )
            if _is_no_answer(reply.body):
                raise Retriable("NO_ANSWER", diagnosis=diagnoses.NOT_AN_ANSWER, owner="agency", doubtful=True)
            return _ZeepReply(reply)

        def get(self, address: str, params: Any, headers: Any) -> Any:  # noqa: ARG002
            raise PermissionError("SOAP over GET is refused")

        def load(self, url: str) -> bytes:
            path = Path(url).resolve()
            if "://" in url or path.parent != connector.wsdl.resolve().parent:
                raise PermissionError("a WSDL may load files of its own folder only")
            return path.read_bytes()

    return LocalTransport(session=connector.transport.session)


def _is_no_answer(body: bytes) -> bool:
    """Nothing, or a web page: a proxy or a maintenance page answered in the agency's place."""
    start = body[:64].lstrip().lower()
    return not start or start.startswith((b"<!doctype html", b"<html"))


class _ZeepReply:
    """As much of a requests response as zeep reads."""

    def __init__(self, reply: Reply) -> None:
        self.status_code = reply.status
        self.headers = reply.headers
        self.content = reply.body
        self.encoding = "utf-8"


@contextlib.contextmanager
def _named_by(connector: SoapConnector[Any]) -> Iterator[None]:
    """The one place where trouble with SOAP gets its name."""
    from zeep import exceptions  # noqa: PLC0415

    try:
        yield
    except exceptions.Fault as fault:
        code = str(fault.code or "").rsplit(":", 1)[-1].split(".", 1)[0]
        raise connector.fault(code, str(fault.message or "")) from None
    except exceptions.TransportError as error:
        # Not XML, or HTTP 500 without a body.
        if error.status_code == 500:
            raise Retriable("HTTP_500", diagnosis=diagnoses.AGENCY_FAULT, owner="agency", doubtful=True) from None
        raise BadData("NOT_XML", diagnosis=diagnoses.UNREADABLE) from None
    except exceptions.Error as error:
        raise BadData("NOT_SOAP", diagnosis=diagnoses.UNREADABLE, detail=type(error).__name__) from None
