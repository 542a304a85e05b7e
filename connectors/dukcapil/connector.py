"""The connector to Dukcapil: its calls. Shapes, meanings and mappings are beside it."""

import base64
from collections.abc import Callable, Mapping
from typing import TypeVar

from connectors.dukcapil import mapping, verdicts, wire
from connectors.dukcapil.requests import (
    BirthRegistration,
    ChildCardRequest,
    FamilyCardRequest,
    FamilyQuery,
    PersonQuery,
    PersonVerification,
)
from connectors.dukcapil.settings import DukcapilSettings
from connectors.toolkit import RestConnector, operation
from connectors.toolkit.errors import Rejected
from schemas.base import Record
from schemas.civil import BirthDeed, ChildCard, Family, FamilyCard, Person, PersonMatch

R = TypeVar("R", bound=Record)

_ACCESS = "UU 24/2013 art. 79; Permendagri 102/2019"
_BIRTH = "UU 24/2013 art. 27; Perpres 96/2018"


class Dukcapil(RestConnector[DukcapilSettings]):
    """Civil registry (Ditjen Dukcapil), `get_json` web service. Contract: [C] for reading, [G] for writing."""

    agency = "dukcapil"

    def __init__(self, settings: DukcapilSettings | None = None) -> None:
        super().__init__(settings)
        self.quota_left: int | None = None
        self._login = {
            "user_id": self.settings.user_id,
            "password": self.settings.password.get_secret_value(),
            "ip_user": self.settings.ip_user,
        }

    def headers(self) -> Mapping[str, str]:
        """HTTP Basic, where the office asks for it."""
        if self.settings.basic_user is None or self.settings.basic_password is None:
            return {}
        login = f"{self.settings.basic_user}:{self.settings.basic_password.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}

    @operation(effect="read", purpose="identity verification", legal_basis=_ACCESS, contract="C")
    def get_person(self, query: PersonQuery) -> Person:
        """One resident by NIK.

        Raises:
            Rejected: NIK not found, deceased, duplicate or inactive (codes 11-15).
            Misconfigured: Login, IP address or daily quota refused.
        """
        answer = self._call("CALL_NIK", wire.CallNik(nik=query.nik, **self._login))
        return mapping.person(wire.one(answer), query.nik)

    @operation(effect="read", purpose="verification of family ties", legal_basis=_ACCESS, contract="C")
    def get_family(self, query: FamilyQuery) -> Family:
        """Everyone on one family card.

        Raises:
            Rejected: No such family card.
            Misconfigured: Login, IP address or daily quota refused.
        """
        answer = self._call("CALL_NIK_GET_KK", wire.CallNikGetKk(no_kk=query.nkk, **self._login))
        return mapping.family(wire.rows(answer), query.nkk)

    @operation(effect="read", purpose="comparison of claimed data", legal_basis=_ACCESS, contract="C")
    def verify_person(self, query: PersonVerification) -> PersonMatch:
        """Claimed data against the registry: match or no match per element.

        Raises:
            Rejected: NIK not found, deceased, duplicate or inactive (codes 11-15).
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.CallVerify(
            **{name.upper(): value for name, value in self._login.items()},
            TRESHOLD=str(self.settings.verify_threshold),
            **mapping.elements(query),
        )
        return mapping.person_match(wire.one(self._call("CALL_VERIFY_BY_ELEMEN", body)), query.nik)

    @operation(effect="write", purpose="registration of a birth", legal_basis=_BIRTH, contract="G")
    def register_birth(self, request: BirthRegistration, *, reference: str) -> BirthDeed:
        """Registers a birth: the child gets a NIK and a birth deed.

        Raises:
            Rejected: The card is not known, or a parent is not found, duplicate or inactive (codes 12-15).
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.RegisterBirth(referensi=reference, **mapping.birth(request), **self._login)
        return mapping.birth_deed(wire.one(self._call("REGISTER_BIRTH", body)), reference)

    @register_birth.reconcile
    def find_birth(self, request: BirthRegistration, *, reference: str) -> BirthDeed | None:  # noqa: ARG002
        """The registration made under our reference."""
        return self._find("REGISTER_BIRTH", reference, mapping.birth_deed)

    @operation(effect="write", purpose="issue of a family card", legal_basis="Perpres 96/2018", contract="G")
    def issue_family_card(self, request: FamilyCardRequest, *, reference: str) -> FamilyCard:
        """Issues a family card anew, with everyone who is on it now.

        Raises:
            Rejected: No such family card.
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.IssueFamilyCard(referensi=reference, no_kk=request.nkk, alasan=request.reason, **self._login)
        return mapping.family_card(wire.one(self._call("ISSUE_FAMILY_CARD", body)), reference)

    @issue_family_card.reconcile
    def find_family_card(self, request: FamilyCardRequest, *, reference: str) -> FamilyCard | None:  # noqa: ARG002
        """The card issued under our reference."""
        return self._find("ISSUE_FAMILY_CARD", reference, mapping.family_card)

    @operation(effect="write", purpose="issue of a child's card", legal_basis="Permendagri 2/2016", contract="G")
    def issue_child_card(self, request: ChildCardRequest, *, reference: str) -> ChildCard:
        """Issues a child's identity card (KIA).

        Raises:
            Rejected: NIK not found or not a child's.
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.IssueChildCard(referensi=reference, nik=request.nik, **self._login)
        return mapping.child_card(wire.one(self._call("ISSUE_CHILD_CARD", body)), reference)

    @issue_child_card.reconcile
    def find_child_card(self, request: ChildCardRequest, *, reference: str) -> ChildCard | None:  # noqa: ARG002
        """The card issued under our reference."""
        return self._find("ISSUE_CHILD_CARD", reference, mapping.child_card)

    def _find(self, kind: str, reference: str, record: Callable[[wire.Row, str], R]) -> R | None:
        try:
            answer = self._call("CALL_REFERENSI", wire.CallReferensi(referensi=reference, jenis=kind, **self._login))
        except Rejected as refused:
            if refused.code == verdicts.NOT_FOUND:
                return None
            raise
        # Several rows would be several registrations under one reference: the first is the one that counts.
        return record(wire.rows(answer)[0], reference)

    def _call(self, method: str, body: wire.Login | wire.CallVerify) -> wire.Envelope:
        answer = self.exchange("POST", method, json=body).parse(wire.Envelope)
        if answer.quota_limiter is not None:
            self.quota_left = answer.quota_limiter
        if (refused := verdicts.refusal(answer.first)) is not None:
            raise refused
        return answer
