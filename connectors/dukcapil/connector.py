"""The connector to Dukcapil: its calls. Shapes, meanings and mappings are beside it."""

import base64
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from connectors.dukcapil import mapping, verdicts, wire
from connectors.dukcapil.requests import (
    BirthRegistration,
    ChildCardRequest,
    DeathRegistration,
    FamilyCardRequest,
    FamilyQuery,
    IdentityCardRequest,
    MarriageRegistration,
    MoveIn,
    MoveOut,
    PersonQuery,
    PersonVerification,
    UseReport,
)
from connectors.dukcapil.settings import DukcapilSettings
from connectors.toolkit import RestConnector, diagnoses, operation
from connectors.toolkit.errors import BadData, Misconfigured, Rejected
from connectors.toolkit.feed import Page, feed
from schemas.acknowledgement import Acknowledgement
from schemas.base import Record
from schemas.civil import (
    BirthDeed,
    ChildCard,
    DeathDeed,
    Family,
    FamilyCard,
    IdentityCard,
    MarriageRecord,
    MoveLetter,
    Person,
    PersonMatch,
)

R = TypeVar("R", bound=Record)

_ACCESS = "UU 24/2013 art. 79; Permendagri 102/2019"
_BIRTH = "UU 24/2013 art. 27; Perpres 96/2018"
_MOVE = "UU 24/2013 art. 15; Perpres 96/2018"


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
        return mapping.person_match(wire.one(self._call(self.settings.verify_method, body)), query.nik)

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
        """Issues a family card anew, with everyone who is on it now, and where they live within the regency now.

        Raises:
            Rejected: No such family card, or an address in another regency (24: that needs a letter).
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.IssueFamilyCard(
            referensi=reference,
            no_kk=request.nkk,
            alasan=request.reason,
            tujuan=None if request.address is None else mapping.place(request.address),
            **self._login,
        )
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

    @operation(effect="write", purpose="registration of a death", legal_basis="UU 24/2013 art. 44", contract="G")
    def register_death(self, request: DeathRegistration, *, reference: str) -> DeathDeed:
        """Registers a death: a deed is made, and the NIK is that of someone deceased (11) from then on.

        Raises:
            Rejected: NIK not found, already deceased, duplicate or inactive (codes 11-15).
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.RegisterDeath(referensi=reference, **mapping.death(request), **self._login)
        return mapping.death_deed(wire.one(self._call("REGISTER_DEATH", body)), reference)

    @register_death.reconcile
    def find_death(self, request: DeathRegistration, *, reference: str) -> DeathDeed | None:  # noqa: ARG002
        """The death registered under our reference."""
        return self._find("REGISTER_DEATH", reference, mapping.death_deed)

    @operation(effect="write", purpose="registration of a marriage", legal_basis="UU 24/2013 art. 34-35", contract="G")
    def register_marriage(self, request: MarriageRegistration, *, reference: str) -> MarriageRecord:
        """Registers a marriage by a deed, or takes over a KUA's book; both are recorded as married from then on.

        Raises:
            Rejected: Codes 11-15 for one of the couple; 21 too young, 22 already married.
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.RegisterMarriage(referensi=reference, **mapping.marriage(request), **self._login)
        return mapping.marriage_record(wire.one(self._call("REGISTER_MARRIAGE", body)), reference)

    @register_marriage.reconcile
    def find_marriage(self, request: MarriageRegistration, *, reference: str) -> MarriageRecord | None:  # noqa: ARG002
        """The marriage registered under our reference."""
        return self._find("REGISTER_MARRIAGE", reference, mapping.marriage_record)

    @operation(effect="write", purpose="move to another regency", legal_basis=_MOVE, contract="G")
    def move_out(self, request: MoveOut, *, reference: str) -> MoveLetter:
        """Issues the letter (SKPWNI) with which everyone on a card moves to another regency.

        Raises:
            Rejected: No such family card, or an address in the same regency, which needs no letter (24).
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.MoveOut(
            referensi=reference,
            no_kk=request.nkk,
            tujuan=mapping.place(request.address),
            alasan=request.reason,
            **self._login,
        )
        return mapping.move_letter(wire.one(self._call("MOVE_OUT", body)), reference)

    @move_out.reconcile
    def find_move_out(self, request: MoveOut, *, reference: str) -> MoveLetter | None:  # noqa: ARG002
        """The letter issued under our reference."""
        return self._find("MOVE_OUT", reference, mapping.move_letter)

    @operation(effect="write", purpose="arrival from another regency", legal_basis=_MOVE, contract="G")
    def move_in(self, request: MoveIn, *, reference: str) -> MoveLetter:
        """Takes in a household by its letter: they live at the new address from then on.

        Raises:
            Rejected: No such letter (13), or one that was used before or is no longer valid (23).
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.MoveIn(
            referensi=reference, no_skpwni=request.letter_number, tujuan=mapping.place(request.address), **self._login
        )
        return mapping.move_letter(wire.one(self._call("MOVE_IN", body)), reference)

    @move_in.reconcile
    def find_move_in(self, request: MoveIn, *, reference: str) -> MoveLetter | None:  # noqa: ARG002
        """The letter taken in under our reference."""
        return self._find("MOVE_IN", reference, mapping.move_letter)

    @operation(effect="write", purpose="issue of an identity card", legal_basis="UU 24/2013 art. 63", contract="G")
    def issue_ktp_el(self, request: IdentityCardRequest, *, reference: str) -> IdentityCard:
        """Issues an identity card (KTP-el), with the data as they are now.

        Raises:
            Rejected: Codes 11-15; 21 younger than 17 and never married.
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.IssueKtpEl(referensi=reference, nik=request.nik, alasan=request.reason, **self._login)
        return mapping.identity_card(wire.one(self._call("ISSUE_KTP_EL", body)), reference)

    @issue_ktp_el.reconcile
    def find_ktp_el(self, request: IdentityCardRequest, *, reference: str) -> IdentityCard | None:  # noqa: ARG002
        """The card issued under our reference."""
        return self._find("ISSUE_KTP_EL", reference, mapping.identity_card)

    @operation(
        effect="idempotent",
        purpose="report of what data were used for",
        legal_basis=_ACCESS,
        contract="C",
        lasts=True,
    )
    def report_use(self, request: UseReport, *, reference: str) -> Acknowledgement:
        """Reports back what a resident's data were used for; that it was reported before is as good.

        Raises:
            Misconfigured: The duty is not set up, or its token is refused.
        """
        body = wire.use_report(self._institution(), request.nik, request.customer_id or reference)
        token = self.settings.report_token
        bearer = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        answer = self.exchange("POST", self.settings.report_path, json=body, headers=bearer, accept=(400,))
        report = answer.parse(wire.Report)
        if (refused := verdicts.refusal(report.first)) is not None:
            raise refused
        already = answer.status == 400 and verdicts.folded(report.message) == verdicts.ALREADY_REPORTED
        if report.message is None or (answer.status == 400 and not already):
            raise BadData("HTTP_400", diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)
        # The same record the first time and every other: a repeat is as good.
        return Acknowledgement(status="reported", reference=reference)

    @feed(every=timedelta(minutes=5), purpose="keeping residents' data current", legal_basis=_ACCESS, contract="G")
    def residents(self, cursor: str | None) -> Page[Person]:
        """Residents whose data changed, as they are now; the cursor is the serial number of the last change.

        Raises:
            Misconfigured: Login, IP address or daily quota refused.
        """
        body = wire.CallPerubahan(serial=int(cursor or 0), size=self.settings.feed_page, **self._login)
        answer = self._call("CALL_PERUBAHAN", body)
        changes = [mapping.change(row) for row in answer.content or ()]
        # Without `lastPage` the feed goes on as long as there is something.
        more = bool(changes) and answer.last_page is not True
        return Page(changes, cursor=changes[-1].id if changes else cursor or "0", more=more)

    def _institution(self) -> tuple[str, str]:
        name = self.settings.institution_name
        if not (self.settings.report_token and self.settings.institution_id and name):
            raise Misconfigured("REPORTING", diagnosis=verdicts.REPORTING)
        return self.settings.institution_id, name

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
