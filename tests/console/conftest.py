"""A console over a real ledger: an app, a client, keys, and two small services to file for."""

import base64
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from simpul.clock import ManualClock
from simpul.config import Settings
from simpul.console.app import create
from simpul.definition import Definition, StepDefinition
from simpul.ledger import api_keys, connect, transaction
from simpul.ledger.definitions import publish

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NIK = "9974014101900001"

FORM: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["nik", "child"],
    "properties": {
        "nik": {"type": "string", "format": "nik", "pattern": "^[0-9]{16}$", "x-personal": {"class": "general"}},
        "email": {"type": "string", "format": "email"},
        "enrol": {"type": "boolean", "default": True},
        "father": {"anyOf": [{"type": "string", "pattern": "^[0-9]{16}$"}, {"type": "null"}]},
        "child": {"$ref": "#/$defs/child"},
    },
    "$defs": {
        "child": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "birth_date"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 100, "x-personal": {"class": "specific"}},
                "birth_date": {"type": "string", "format": "date"},
                "sex": {"enum": ["female", "male"]},
                "grams": {"type": "integer", "minimum": 200, "maximum": 9000},
                "given": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
                "born_at": {"type": "string", "format": "date-time"},
            },
        }
    },
}
GOOD = {"nik": NIK, "child": {"name": "Dewi Lestari", "birth_date": "2026-02-28"}}

BIRTH = Definition(
    service="birth",
    version=1,
    title="Paket kelahiran",
    standard="3 working days",
    owner="dukcapil",
    form=FORM,
    steps=(
        StepDefinition(name="parents", kind="agency", operation="dukcapil.get_family", request={"nkk": "form.nkk"}),
        StepDefinition(
            name="deed",
            kind="agency",
            operation="dukcapil.register_birth",
            request={},
            after=("parents",),
            title="Akta",
        ),
    ),
)
PASSPORT = Definition(
    service="passport",
    version=1,
    title="Paspor",
    standard="4 working days",
    owner="immigration",
    form={"type": "object", "required": ["nik"], "properties": {"nik": {"type": "string"}}},
    steps=(
        StepDefinition(name="bill", kind="agency", operation="simponi.create_bill", request={}),
        StepDefinition(
            name="payment",
            kind="payment",
            operation="simponi.get_bill",
            request={"billing_code": "bill.billing_code"},
            after=("bill",),
            expires="bill.expires_at",
            reference="bill.billing_code",
        ),
    ),
)


@pytest.fixture
def good() -> dict[str, Any]:
    """A form that fits."""
    return deepcopy(GOOD)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def configuration(database_url: str) -> Settings:
    return Settings(database_url=database_url, master_key=base64.b64encode(random.randbytes(32)).decode())


@pytest.fixture
def engine(database_url: str) -> Iterator[Any]:
    opened = connect(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def key(engine: Any) -> Callable[..., str]:
    """Issues a key: `key("counter", "intake")`."""

    def make(name: str, *scopes: str) -> str:
        with transaction(engine) as connection:
            return api_keys.issue(connection, name, scopes, actor="user:test", now=START)

    return make


@pytest.fixture
def published(engine: Any) -> None:
    """The two services are in the ledger."""
    with transaction(engine) as connection:
        for definition in (BIRTH, PASSPORT):
            publish(connection, definition, actor="user:test", now=START)


@pytest.fixture
def anonymous(configuration: Settings, clock: ManualClock, published: None) -> Iterator[TestClient]:
    """A client without a key."""
    with TestClient(create(configuration, clock=clock), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(anonymous: TestClient, key: Callable[..., str]) -> TestClient:
    """A counter's client: it may file and read."""
    anonymous.headers["X-API-Key"] = key("counter-1", "intake", "read")
    return anonymous


@pytest.fixture
def file(client: TestClient) -> Callable[..., Any]:
    """Files a good birth application, with what the test changes."""

    def send(form: Any = GOOD, *, idempotency: str | None = None, **changes: Any) -> Any:
        headers = {"Idempotency-Key": idempotency} if idempotency else {}
        body = {"service": "birth", "channel": "counter", "form": form} | changes
        return client.post("/v1/applications", json=body, headers=headers)

    return send
