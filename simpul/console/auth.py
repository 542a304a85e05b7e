"""Who may ask what: API keys with scopes. Every route names a `Requires`, or stands in the list of public ones."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import Counter

from simpul.console.context import Context, context
from simpul.console.problems import Problem
from simpul.ledger.api_keys import ApiKey
from simpul.telemetry import REGISTRY

_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key made by `simpul keys issue`.")
_BEARER = HTTPBearer(auto_error=False, description="The same key as a bearer token.")

_REFUSED = Counter("simpul_console_refused_keys", "Requests with a wrong API key, or none", registry=REGISTRY)


class Requires:
    """A dependency: the caller's key, if one of these scopes allows the request.

    Args:
        scopes: Any one of them is enough.
    """

    def __init__(self, *scopes: str) -> None:
        self.scopes = frozenset(scopes)

    async def __call__(
        self,
        request: Request,
        here: Annotated[Context, Depends(context)],
        header: Annotated[str | None, Security(_HEADER)],
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> ApiKey:
        """The caller's key.

        Raises:
            Problem: 401 without a key in force, 403 where it does not allow this.
        """
        presented = header or (bearer.credentials if bearer else None)
        key = None
        if presented:
            key = here.known_api_key(presented) or await run_in_threadpool(here.api_key, presented)
        if key is None:
            _REFUSED.inc()
            raise Problem(
                401,
                "no-key",
                "Send an API key in X-API-Key or as a bearer token. An operator makes one: simpul keys issue NAME.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if not self.scopes & {scope.partition(":")[0] for scope in key.scopes}:
            raise Problem(
                403, "scope", f"This key's scopes do not allow this; it takes {' or '.join(sorted(self.scopes))}."
            )
        request.state.actor = key.name
        return key


may_file = Requires("intake")
may_read = Requires("read")
may_ask = Requires("exchange")
may_change = Requires("intake", "manage")
"""Whether it may change this application is settled by who filed it: see `api_keys.may_change`."""

may_decide = Requires("decide")
"""Which groups' tasks is the key's to say: `ApiKey.groups`."""

may_manage = Requires("manage")

may_do_either = Requires("intake", "read", "manage")
