"""What every request needs and no request makes anew: ledger, keys, clock, and short-lived copies of slow rows."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from fastapi import Request
from prometheus_client import CollectorRegistry

from simpul import telemetry
from simpul.clock import Clock
from simpul.config import Settings
from simpul.console.forms import Form
from simpul.console.limits import Limit
from simpul.crypto import Keys
from simpul.definition import Definition
from simpul.exchange import Desk
from simpul.ledger import api_keys, connect, queries, standards, transaction
from simpul.ledger.api_keys import ApiKey
from simpul.ledger.standards import Standing

CONNECTIONS = 8
"""Connections that a console process keeps; as many threads serve requests, so that none waits for another's."""

FRESH = timedelta(seconds=2)
"""How long a copy of keys and definitions is good: a revoked key stops working after this."""


@dataclass(frozen=True, slots=True)
class Service:
    """A published definition with its form ready to check."""

    definition: Definition
    form: Form


class Context:
    """One console process.

    Args:
        settings: The configuration; its master key must be set.

    Raises:
        ValueError: SIMPUL_MASTER_KEY is missing or malformed.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.keys: Keys = settings.keys
        self.clock: Clock = clock or settings.clock
        self.calendar = settings.calendar
        self.engine = connect(settings.database_url, pool_size=CONNECTIONS)
        self.desk = Desk(settings, self.keys, self.clock, self.engine)
        self._services: dict[tuple[str, int], Service] = {}
        self._services_at: datetime | None = None
        self._api_keys: dict[str, tuple[ApiKey, datetime]] = {}
        self._lock = Lock()
        self.metrics = CollectorRegistry()
        self.checks = Limit()

    def service(self, name: str, version: int | None) -> Service | None:
        """A published service, in its highest version when none is named; None when it is not published."""
        for anew in (False, True):
            services = self.services(anew=anew)
            found = services.get((name, version or self._highest(services, name)))
            if found is not None:
                return found
        return None

    def standing(self, definition: Definition) -> Standing | None:
        """When the service standard of an application that is filed now is due."""
        share = self.settings.standard_warning
        return standards.at_filing(definition.standard, self.calendar.now(), share=share, now=self.clock.now())

    def services(self, *, anew: bool = False) -> dict[tuple[str, int], Service]:
        """Every published service that can be applied for, by name and version, at most `FRESH` old."""
        now = self.clock.now()
        with self._lock:
            if anew or self._services_at is None or not timedelta() <= now - self._services_at < FRESH:
                with transaction(self.engine) as connection:
                    published = queries.published(connection)
                self._services = {
                    (one.service, one.version): self._ready(one) for one in published if one.can_be_applied_for
                }
                self._services_at = now
            return self._services

    def current_services(self) -> list[Service]:
        """The highest version of each service, by name."""
        services = self.services()
        names = sorted({name for name, _ in services})
        return [services[name, self._highest(services, name)] for name in names]

    def api_key(self, presented: str) -> ApiKey | None:
        """The key that was presented, if it is in force. Asks the ledger: call it from a thread."""
        with transaction(self.engine) as connection:
            found = api_keys.find(connection, presented)
        if found is not None:
            self._api_keys[_hash(presented)] = (found, self.clock.now())
        return found

    def known_api_key(self, presented: str) -> ApiKey | None:
        """The same from memory, None when it was not seen within `FRESH`."""
        known = self._api_keys.get(_hash(presented))
        if known is None or not timedelta() <= self.clock.now() - known[1] < FRESH:
            return None
        return known[0]

    def close(self) -> None:
        """Stop asking, and give the connections back."""
        self.desk.close()
        self.engine.dispose()

    def _ready(self, definition: Definition) -> Service:
        known = self._services.get((definition.service, definition.version))
        if known is not None and known.definition == definition:
            return known
        telemetry.redactor.learn(definition.form)
        return Service(definition, Form(definition.form))

    @staticmethod
    def _highest(services: dict[tuple[str, int], Service], name: str) -> int:
        return max((version for service, version in services if service == name), default=0)


def _hash(presented: str) -> str:
    return hashlib.sha256(presented.encode("utf-8", "surrogatepass")).hexdigest()


async def context(request: Request) -> Context:
    """The context of the app that serves this request."""
    found: Context = request.app.state.context
    return found
