"""A transport that asks the sandbox agency without a server between, and lets its answers be changed on the way.

It is what the mapping's checks call through: thousands of answers, each encoded as the agency would, encryption included.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from requests.structures import CaseInsensitiveDict

from connectors.toolkit.asgi import Answer
from connectors.toolkit.connector import Connector
from connectors.toolkit.sandbox import SandboxAgency
from connectors.toolkit.settings import ConnectorSettings
from connectors.toolkit.transport import Reply, Transport, refused

Change = Callable[[str, Answer], Answer]


class Inside(Transport):
    """Asks one sandbox agency in this process.

    Attributes:
        change: What happens to each answer: the sandbox's name of the route, and the answer.
    """

    def __init__(self, settings: ConnectorSettings, agency: SandboxAgency) -> None:
        super().__init__(settings)
        self._agency = agency
        self._loop = asyncio.new_event_loop()
        self.change: Change = lambda _, answer: answer

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
        """As a transport over the wire does it."""
        parts = urlsplit(url)
        query = "&".join(filter(None, (parts.query, urlencode(params or {}))))
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "root_path": f"/{self._agency.name}",
            "query_string": query.encode(),
            "headers": [
                (name.lower().encode("latin-1"), str(value).encode("latin-1"))
                for name, value in {"Host": parts.netloc, **(headers or {})}.items()
            ],
        }
        route, answer = self._loop.run_until_complete(self._agency.answered(scope, content or b""))
        answer = self.change(route, answer)
        shown: CaseInsensitiveDict[str] = CaseInsensitiveDict(answer.headers)
        shown["Content-Type"] = answer.media_type
        shown["Date"] = format_datetime(self._agency.world.now())
        if 200 <= answer.status < 300 or answer.status in accept:
            return Reply(answer.status, shown, answer.body)
        raise refused(answer.status, shown)

    def close(self) -> None:
        """Ends its loop, too."""
        super().close()
        self._loop.close()


@contextmanager
def inside(connector: Connector[Any], agency: SandboxAgency) -> Iterator[Inside]:
    """The connector asks its sandbox in this process while the block runs."""
    outside = connector.transport  # type: ignore[attr-defined]
    connector.transport = there = Inside(connector.settings, agency)  # type: ignore[attr-defined]
    try:
        yield there
    finally:
        connector.transport = outside  # type: ignore[attr-defined]
        there.close()
