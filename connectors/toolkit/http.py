"""`HttpConnector`: what connectors over REST and SOAP share: one transport, its headers, and the address behind SPLP."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from connectors.toolkit.connector import Connector
from connectors.toolkit.settings import ConnectorSettings
from connectors.toolkit.transport import Transport

S = TypeVar("S", bound=ConnectorSettings)


class HttpConnector(Connector[S], Generic[S]):
    """A connector over HTTP. A connector may be a `RestConnector` and a `SoapConnector` at once.

    Attributes:
        transport: What every call goes through: deadline, size limit, verified TLS, no redirects, sent once.
        address: Where the agency is, without a trailing slash: `settings.address`.
    """

    def __init__(self, settings: S | None = None) -> None:
        super().__init__(settings)
        self.transport = Transport(self.settings)
        self.address = self.settings.address

    def headers(self) -> Mapping[str, str]:
        """Headers that every call carries, made anew for each: signatures, time stamps, keys."""
        return {}

    def gateway_headers(self) -> Mapping[str, str]:
        """What the national gateway SPLP asks for, where calls go through it (contract section 12)."""
        key = self.settings.splp_key
        return {} if key is None else {"apikey": key.get_secret_value()}

    def close(self) -> None:
        """Closes the connections that are kept."""
        self.transport.close()
