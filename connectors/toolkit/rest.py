"""`RestConnector`: the base of connectors to agencies that speak HTTP with JSON or forms."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel
from pydantic_core import to_json
from urllib3.filepost import encode_multipart_formdata

from connectors.toolkit.http import HttpConnector
from connectors.toolkit.settings import ConnectorSettings
from connectors.toolkit.transport import Reply

S = TypeVar("S", bound=ConnectorSettings)

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


class RestConnector(HttpConnector[S], Generic[S]):
    """A connector over HTTP.

    Every call has a total wall-clock deadline and a size limit, follows no redirect and is sent once. Paths are
    relative to the agency's address. Override `headers()` for what every call must carry.
    """

    accept_json: ClassVar[str] = _JSON

    def get(self, *path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON answer to a GET. Each part of the path is quoted: it may hold anything."""
        return self.exchange("GET", "/".join(quote(part, safe="") for part in path), params=params).json()

    def post(self, path: str, body: BaseModel | Mapping[str, Any] | list[Any]) -> Any:
        """The JSON answer to a POST of JSON. A model is sent by its aliases, without fields that are None."""
        return self.exchange("POST", path, json=body).json()

    def exchange(
        self,
        method: str,
        path: str,
        *,
        json: BaseModel | Mapping[str, Any] | list[Any] | None = None,
        form: Mapping[str, str] | None = None,
        multipart: Mapping[str, str | tuple[str, bytes, str]] | None = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Reply:
        """One exchange, for what `get` and `post` do not cover.

        Args:
            method: `GET`, `POST`, …
            path: Quoted where it holds data.
            json: Body, sent as JSON. At most one of `json`, `form`, `multipart` and `content`.
            form: Body, sent url-encoded.
            multipart: Body, sent as `multipart/form-data`: text fields, and files as name, content and media type.
            content: Body as it is; its Content-Type goes into `headers`.
            params: Added to the URL, quoted here.
            headers: Added to `self.headers()`, and stronger.
            accept: Statuses beside 2xx whose answer the caller wants to read.

        Raises:
            AgencyError: There is no such answer.
        """
        sent: dict[str, str] = {"Accept": self.accept_json}
        if json is not None:
            content = (
                json.model_dump_json(by_alias=True, exclude_none=True).encode()
                if isinstance(json, BaseModel)
                else to_json(json)
            )
            sent["Content-Type"] = _JSON
        elif form is not None:
            content = urlencode(form).encode()
            sent["Content-Type"] = _FORM
        elif multipart is not None:
            content, sent["Content-Type"] = encode_multipart_formdata(multipart)
        sent |= self.gateway_headers()
        sent |= self.headers()
        sent |= headers or {}
        return self.transport.exchange(
            method,
            f"{self.address}/{path.lstrip('/')}",
            content=content,
            params=params,
            headers=sent,
            accept=accept,
        )
