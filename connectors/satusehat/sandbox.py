"""The simulated SATUSEHAT: tokens, searches and documents in FHIR R4, over the residents of the sandbox world.

As at the agency, a NIK comes masked, every third birth date without its day, and every fifth letter as a Binary apart.
"""

import base64
import hashlib
import hmac
import itertools
import threading
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from connectors.satusehat import wire
from connectors.satusehat.mapping import LETTERS
from connectors.satusehat.settings import SatusehatSettings
from connectors.toolkit.examples import Example
from connectors.toolkit.paper import pdf
from connectors.toolkit.population import SandboxWorld, SyntheticPerson
from connectors.toolkit.sandbox import Answer, Handler, Incoming, SandboxAgency, json_answer

FHIR: Final = "/fhir-r4/v1"
CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
TOKEN_SECONDS: Final = 3599
MASKED: Final = "################"
_FHIR_JSON: Final = "application/fhir+json"
_GROWN_UP: Final = 17
_FORM: Final = "application/x-www-form-urlencoded"
_NOT_FOUND: Final = ("not-found", "Resource tidak ditemukan", 404)

Resource = dict[str, Any]


def settings(base_url: str) -> SatusehatSettings:
    """Settings with which a connector talks to this sandbox; `base_url` is the sandbox server's."""
    return SatusehatSettings(base_url=f"{base_url}/satusehat", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)


def build(world: SandboxWorld) -> SandboxAgency:
    """The agency, ready to be hosted."""
    agency = SandboxAgency("satusehat", world)
    exchange = _Exchange(world)
    agency.on("POST", "/oauth2/v1/accesstoken", "token", exchange.token, lambda _: {})
    agency.on("GET", f"{FHIR}/Patient", "find_patient", exchange.admitting(exchange.patients), _fields)
    agency.on("GET", f"{FHIR}/Practitioner", "get_practitioner", exchange.admitting(exchange.practitioners), _fields)
    agency.on("GET", f"{FHIR}/DocumentReference", "get_health_letter", exchange.admitting(exchange.letters), _fields)
    agency.on("GET", f"{FHIR}/Binary/{{id}}", "binary", exchange.admitting(exchange.binary))
    agency.scripted("expired_token", exchange.expire)
    agency.refusal("quota", lambda _: Answer(b"Spike arrest violation", 429, "text/plain", {"Retry-After": "7"}))
    agency.refusal("error_in_200", lambda _: _outcome("exception", "Internal error", 200))
    agency.on_reset(exchange.forget)
    return agency


class _RefusedError(Exception):
    """A call that is answered with an OperationOutcome."""

    def __init__(self, code: str, text: str, status: int) -> None:
        super().__init__(code)
        self.answer = _outcome(code, text, status)


class _Exchange:
    """What the exchange does."""

    def __init__(self, world: SandboxWorld) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._tokens: dict[str, datetime] = {}

    def forget(self) -> None:
        """Every token is unknown from now on."""
        with self._lock:
            self._tokens.clear()

    def expire(self, incoming: Incoming, handler: Handler) -> Answer | Awaitable[Answer]:
        """The fault `expired_token`: the call is answered as it would be with a token that has ended."""
        self.forget()
        return handler(incoming)

    def token(self, incoming: Incoming) -> Answer:
        form = dict(parse_qsl(incoming.body.decode(errors="replace")))
        label = incoming.headers.get("content-type", "").split(";")[0].strip().lower()
        if incoming.query.get("grant_type") != "client_credentials" or label != _FORM:
            return json_answer({"ErrorCode": "invalid_request", "Error": "grant_type is invalid"}, 400)
        secret = hmac.compare_digest(form.get("client_secret", "").encode(), CLIENT_SECRET.encode())
        if form.get("client_id") != CLIENT_ID or not secret:
            return json_answer({"ErrorCode": "invalid_client", "Error": "ClientId is Invalid"}, 401)
        now = self._world.now()
        with self._lock:
            value = f"sandbox-token-{next(self._serial)}"
            self._tokens[value] = now + timedelta(seconds=TOKEN_SECONDS)
        return json_answer(
            {
                "token_type": "BearerToken",
                "issued_at": str(int(now.timestamp() * 1000)),
                "client_id": CLIENT_ID,
                "access_token": value,
                "scope": "",
                "expires_in": str(TOKEN_SECONDS),
                "status": "approved",
            }
        )

    def admitting(self, handler: Callable[[Incoming], Resource]) -> Handler:
        """A handler behind the token, its resource as an answer and its refusal as an OperationOutcome."""

        def admitted(incoming: Incoming) -> Answer:
            scheme, _, token = incoming.headers.get("authorization", "").partition(" ")
            until = self._tokens.get(token)
            if scheme != "Bearer" or until is None or until <= self._world.now():
                return _outcome("login", "Invalid access token", 401)
            try:
                return _fhir(handler(incoming))
            except _RefusedError as refused:
                return refused.answer

        return admitted

    def patients(self, incoming: Incoming) -> Resource:
        person = self._identified(incoming)
        return _bundle([] if person is None else [self._patient(person)])

    def practitioners(self, incoming: Incoming) -> Resource:
        """Mothers treat patients here."""
        person = self._identified(incoming)
        if person is None or person.role != "mother":
            return _bundle([])
        number = _digits(person.nik, 11)
        registration = {"system": wire.REGISTRATION, "value": f"99{number}"}
        return _bundle(
            [
                {
                    "resourceType": "Practitioner",
                    "id": f"N{number}",
                    "identifier": [
                        {"use": "official", "system": wire.NAKES, "value": f"N{number}"},
                        {"use": "official", "system": wire.NIK, "value": person.nik},
                    ],
                    "name": [{"use": "official", "text": f"dr. {person.name}"}],
                    "gender": person.sex,
                    "birthDate": person.birth_date.isoformat(),
                    "address": [self._address(person)],
                    "qualification": [{"identifier": [registration], "code": {"text": "Dokter"}}],
                }
            ]
        )

    def letters(self, incoming: Incoming) -> Resource:
        """Every grown-up has been examined."""
        person = self._identified(incoming, "patient.identifier")
        code = incoming.query.get("type", "").removeprefix(f"{wire.LETTER_TYPES}|")
        if code not in LETTERS.values():
            raise _RefusedError("invalid", "type tidak dikenal", 400)
        if person is None or not self._grown_up(person):
            return _bundle([])
        content = _paper(person, code)
        attachment: Resource = {
            "contentType": "application/pdf",
            "title": f"Surat keterangan {code}",
            "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode(),
        }
        if int(_digits(person.nik, 4)) % 5:
            attachment["data"] = base64.b64encode(content).decode()
        else:
            attachment["url"] = f"Binary/{person.nik}-{code}"
        return _bundle(
            [
                {
                    "resourceType": "DocumentReference",
                    "id": f"{code}-{_digits(person.nik, 12)}",
                    "status": "current",
                    "type": {"coding": [{"system": wire.LETTER_TYPES, "code": code}]},
                    "subject": {"reference": f"Patient/{_ihs(person.nik)}"},
                    "date": f"{self._world.now() - timedelta(days=3):%Y-%m-%dT%H:%M:%S+07:00}",
                    "custodian": {"reference": "Organization/99000001", "display": "Puskesmas Contoh"},
                    "content": [{"attachment": attachment}],
                }
            ],
            [self._patient(person)] if incoming.query.get("_include") == "DocumentReference:patient" else [],
        )

    def binary(self, incoming: Incoming) -> Resource:
        nik, _, code = incoming.parameters["id"].partition("-")
        person = self._world.person(nik)
        if person is None or code not in LETTERS.values():
            raise _RefusedError(*_NOT_FOUND)
        data = base64.b64encode(_paper(person, code)).decode()
        return {"resourceType": "Binary", "contentType": "application/pdf", "data": data}

    def _grown_up(self, person: SyntheticPerson) -> bool:
        born, today = person.birth_date, self._world.now().date()
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) >= _GROWN_UP

    def _identified(self, incoming: Incoming, parameter: str = "identifier") -> SyntheticPerson | None:
        system, _, number = incoming.query.get(parameter, "").partition("|")
        if system != wire.NIK or not number:
            raise _RefusedError("invalid", "identifier tidak valid", 400)
        return self._world.person(number)

    def _patient(self, person: SyntheticPerson) -> Resource:
        given, _, family = person.name.rpartition(" ")
        vague = int(_digits(person.nik, 4)) % 3 == 0
        deceased = {"deceasedBoolean": True} if person.status == "deceased" else {}
        return {
            "resourceType": "Patient",
            "id": _ihs(person.nik),
            "active": True,
            "identifier": [
                {"use": "official", "system": wire.IHS, "value": _ihs(person.nik)},
                {"use": "official", "system": wire.NIK, "value": MASKED},
            ],
            "name": [{"use": "official", "given": [given], "family": family} if vague else {"text": person.name}],
            "gender": person.sex,
            "birthDate": f"{person.birth_date:%Y-%m}" if vague else person.birth_date.isoformat(),
            "address": [self._address(person)],
            **deceased,
        }

    def _address(self, person: SyntheticPerson) -> Resource:
        family = self._world.family(person.nkk)
        if family is None:
            return {}
        address = family.address
        codes = {
            "province": address.province_code,
            "city": address.regency_code,
            "district": address.district_code,
            "village": address.village_code,
            "rt": address.rt.lstrip("0"),
            "rw": address.rw.lstrip("0"),
        }
        inner = [{"url": url, "valueCode": code} for url, code in codes.items()]
        return {
            "use": "home",
            "line": [address.street],
            "city": address.regency,
            "postalCode": address.postal_code,
            "country": "ID",
            "extension": [{"url": wire.ADMINISTRATIVE_CODE, "extension": inner}],
        }


def _bundle(found: list[Resource], included: list[Resource] | None = None) -> Resource:
    modes = (("match", found), ("include", included or []))
    entries = [{"resource": one, "search": {"mode": mode}} for mode, resources in modes for one in resources]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        **({"entry": entries} if entries else {}),
    }


def _fhir(resource: Resource, status: int = 200) -> Answer:
    plain = json_answer(resource, status)
    return Answer(plain.body, status, _FHIR_JSON, value=plain.value, encode=plain.encode)


def _outcome(code: str, text: str, status: int) -> Answer:
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    return _fhir({"resourceType": "OperationOutcome", "issue": [issue]}, status)


def _ihs(nik: str) -> str:
    """The patient number: the exchange's own."""
    return f"P{_digits(nik, 11)}"


def _digits(nik: str, count: int) -> str:
    number = int.from_bytes(hashlib.blake2b(nik.encode(), digest_size=8).digest())
    return f"{number % 10**count:0{count}d}"


def _paper(person: SyntheticPerson, code: str) -> bytes:
    return pdf(f"Surat keterangan {code}: {person.name}")


def _fields(incoming: Incoming) -> Mapping[str, Any]:
    """What fault scripts can match, by the names of our request models."""
    asked = incoming.query.get("identifier") or incoming.query.get("patient.identifier", "")
    return {"nik": asked.rpartition("|")[2]}


EXAMPLES: Final[Mapping[str, Example]] = MappingProxyType(
    {
        "find_patient": lambda scene: {"nik": scene.family.father.nik},
        "get_practitioner": lambda scene: {"nik": scene.family.mother.nik},
        "get_health_letter": lambda scene: {"nik": scene.family.father.nik, "kind": "premarital"},
    }
)
