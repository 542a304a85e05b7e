"""The connector to BPJS Kesehatan: its calls, signed, sent and opened. Shapes, meanings and mappings are beside it."""

import email.utils
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from pydantic import SecretStr

from connectors.bpjs_kesehatan import crypto, lzstring, mapping, verdicts, wire
from connectors.bpjs_kesehatan.requests import (
    MembershipChange,
    MembershipQuery,
    MembershipStop,
    NewbornEnrolment,
    QueueQuery,
)
from connectors.bpjs_kesehatan.settings import BpjsKesehatanSettings
from connectors.toolkit import PUBLIC_TASK, RestConnector, diagnoses, errors, operation
from connectors.toolkit.transport import Reply
from schemas.health import HealthMembership, QueueTicket

# VClaim takes the JSON of a write only under this label (contract section 4), capital A included.
WRITE_CONTENT_TYPE: Final = "Application/x-www-form-urlencoded"
# A refusal may come with its own status instead of 200; its body says more than the status does.
_READABLE: Final = (400, 401, 403, 404)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class BpjsKesehatan(RestConnector[BpjsKesehatanSettings]):
    """National health insurance (BPJS Kesehatan), VClaim and Antrean REST. Contract: [C] for reading, [G] for writing.

    Args:
        settings: Read from the environment when not given.
        now: The clock that requests are stamped with; the agency refuses one that is minutes off.
    """

    agency = "bpjs_kesehatan"

    def __init__(
        self, settings: BpjsKesehatanSettings | None = None, *, now: Callable[[], datetime] = _utc_now
    ) -> None:
        super().__init__(settings)
        self._now = now

    @operation(effect="read", purpose="check of health insurance membership", legal_basis=PUBLIC_TASK, contract="C")
    def get_membership(self, query: MembershipQuery) -> HealthMembership:
        """One resident's membership by NIK, on a day.

        Raises:
            Rejected: The NIK belongs to no member.
            Misconfigured: Credentials or clock refused.
            BadData: The answer cannot be opened, or is about somebody else.
        """
        day = mapping.service_day(query.on, self._now())
        return self._membership(query.nik, self._call("GET", "Peserta", "nik", query.nik, "tglSEP", day))

    @operation(
        effect="write",
        purpose="enrolment of a newborn in the health insurance of its family",
        legal_basis="Perpres 82/2018 (newborns within 28 days of birth)",
        contract="G",
    )
    def enrol_newborn(self, request: NewbornEnrolment, *, reference: str) -> HealthMembership:
        """Enrols a newborn; the agency numbers the membership.

        Raises:
            Rejected: The NIK is not known to the civil registry yet, or the family's membership is not active.
            Misconfigured: Credentials or clock refused.
            InDoubt: The agency may have enrolled the child although no good answer came.
        """
        newborn = mapping.newborn(request, reference=reference, user=self.settings.user)
        return self._written("POST", request.nik, ("Peserta", "bayi", "insert"), newborn)

    @enrol_newborn.reconcile
    def find_newborn(self, request: NewbornEnrolment, *, reference: str) -> HealthMembership | None:
        """The enrolment made under our reference; None when the agency knows no such reference."""
        return self._found(request.nik, "Peserta", "bayi", "referensi", reference)

    @operation(
        effect="write",
        purpose="change of a member's data in the health insurance",
        legal_basis="Perpres 82/2018 (members report changes of their data)",
        contract="G",
    )
    def change_data(self, request: MembershipChange, *, reference: str) -> HealthMembership:
        """Changes class of care, facility, address, telephone or family card of a member.

        Raises:
            Rejected: The NIK belongs to no member, or the member has died.
            Misconfigured: Credentials or clock refused.
            InDoubt: The agency may have made the change although no good answer came.
        """
        change = mapping.change(request, reference=reference, user=self.settings.user)
        return self._written("PUT", request.nik, ("Peserta", "update"), change)

    @change_data.reconcile
    def find_change(self, request: MembershipChange, *, reference: str) -> HealthMembership | None:
        """The membership as the change under our reference left it; None when the agency knows no such reference."""
        return self._found(request.nik, "Peserta", "update", "referensi", reference)

    @operation(
        effect="write",
        purpose="end of a membership of the health insurance",
        legal_basis="Perpres 82/2018 (members report a death or leaving the country)",
        contract="G",
    )
    def stop_membership(self, request: MembershipStop, *, reference: str) -> HealthMembership:
        """Ends a membership, after a death or for good.

        Raises:
            Rejected: The NIK belongs to no member, or the civil registry knows of no death.
            Misconfigured: Credentials or clock refused.
            InDoubt: The agency may have ended it although no good answer came.
        """
        stop = mapping.stop(request, reference=reference, user=self.settings.user)
        return self._written("DELETE", request.nik, ("Peserta", "delete"), stop)

    @stop_membership.reconcile
    def find_stop(self, request: MembershipStop, *, reference: str) -> HealthMembership | None:
        """The membership as it was ended under our reference; None when the agency knows no such reference."""
        return self._found(request.nik, "Peserta", "delete", "referensi", reference)

    @operation(effect="read", purpose="place in the queue of a health facility", legal_basis=PUBLIC_TASK, contract="C")
    def get_queue(self, query: QueueQuery) -> QueueTicket:
        """One place in a facility's queue, by its booking code (Antrean).

        Raises:
            Rejected: Nobody has booked under this code.
            Misconfigured: Credentials or clock refused, or the Antrean service is not set up here.
            BadData: The answer cannot be opened, or is about another booking.
        """
        path = ("antrean", "pendaftaran", "kodebooking", query.booking_code)
        ticket = mapping.ticket(
            wire.Bookings.model_validate(self._call("GET", *path, antrean=True)), query.booking_code
        )
        if ticket is None:
            raise verdicts.no_booking()
        return ticket

    def _written(
        self, method: str, nik: str, path: tuple[str, ...], content: wire.Newborn | wire.Change | wire.Stop
    ) -> HealthMembership:
        return self._membership(nik, self._call(method, *path, body=wire.enveloped(content)))

    def _found(self, nik: str, *path: str) -> HealthMembership | None:
        try:
            found = self._call("GET", *path)
        except errors.Rejected as no:
            if no.code == verdicts.NOT_FOUND:
                return None
            # Any other no is about the question, not about the write, which stays in doubt.
            raise errors.BadData("LOOK_UP_REFUSED", diagnosis=diagnoses.UNREADABLE, detail=no.detail) from None
        return self._membership(nik, found)

    def _call(self, method: str, *path: str, body: dict[str, Any] | None = None, antrean: bool = False) -> Any:
        """The opened content of an answer."""
        timestamp = str(int(self._now().timestamp()))
        address, user_key = self._antrean() if antrean else (self.address, self.settings.user_key)
        headers = {"Accept": self.accept_json, **self.gateway_headers(), **self._signed(timestamp, user_key)}
        if body is not None:
            headers["Content-Type"] = WRITE_CONTENT_TYPE
        reply = self.transport.exchange(
            method,
            "/".join((address, *(quote(part, safe="") for part in path))),
            content=None if body is None else json.dumps(body).encode(),
            headers=headers,
            accept=_READABLE,
        )
        answer = self._answer(reply)
        if (error := verdicts.verdict(answer.meta, skew=self._skew(reply))) is not None:
            raise error
        return self._opened(answer.response, timestamp)

    def _antrean(self) -> tuple[str, SecretStr]:
        url, user_key = self.settings.antrean_url, self.settings.antrean_user_key
        if url is None or user_key is None:
            names = ", ".join(map(self.settings.variable, ("antrean_url", "antrean_user_key")))
            raise errors.Misconfigured("SETTINGS", diagnosis=diagnoses.SETTINGS, detail=names)
        return url.rstrip("/"), user_key

    def _signed(self, timestamp: str, user_key: SecretStr) -> dict[str, str]:
        cons_id, secret = self.settings.cons_id, self.settings.secret.get_secret_value()
        return {
            "X-cons-id": cons_id,
            "X-timestamp": timestamp,
            "X-signature": crypto.signature(cons_id, secret, timestamp),
            "user_key": user_key.get_secret_value(),
        }

    def _answer(self, reply: Reply) -> wire.Answer:
        if reply.status in {401, 403} and not reply.body.lstrip().startswith(b"{"):
            raise verdicts.refused_credentials(
                f"HTTP_{reply.status}", reply.body[:500].decode(errors="replace"), self._skew(reply)
            )
        return reply.parse(wire.Answer)

    def _opened(self, response: Any, timestamp: str) -> Any:
        if isinstance(response, dict):
            # Some of the agency's services do not encrypt.
            return response
        if not isinstance(response, str) or not response:
            raise errors.BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field="response")
        key = crypto.response_key(self.settings.cons_id, self.settings.secret.get_secret_value(), timestamp)
        limit = self.settings.max_decompressed_characters
        try:
            return json.loads(lzstring.decompress(crypto.decrypt(response, key), max_characters=limit))
        except lzstring.TooLargeError as error:
            raise errors.BadData(
                "TOO_LARGE", diagnosis=diagnoses.TOO_LARGE, field="response", detail=str(error)
            ) from None
        except (ValueError, RecursionError) as error:
            raise errors.BadData(
                "UNDECRYPTABLE", diagnosis=diagnoses.UNREADABLE, field="response", detail=type(error).__name__
            ) from None

    def _membership(self, nik: str, content: Any) -> HealthMembership:
        answer = wire.Membership.model_validate(content)
        if answer.member.nik and answer.member.nik != nik:
            raise errors.BadData("SOMEBODY_ELSE", diagnosis=diagnoses.UNREADABLE, field="peserta.nik")
        return mapping.membership(answer)

    def _skew(self, reply: Reply) -> float | None:
        """Seconds that the agency's clock is ahead of ours, where its answer says."""
        try:
            theirs = email.utils.parsedate_to_datetime(reply.headers.get("Date", ""))
        except (TypeError, ValueError):
            return None
        return (theirs - self._now()).total_seconds() if theirs.tzinfo else None
