"""The connector to BPJS Kesehatan: its calls, signed, sent and opened. Shapes, meanings and mappings are beside it."""

import email.utils
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from connectors.bpjs_kesehatan import crypto, lzstring, mapping, verdicts, wire
from connectors.bpjs_kesehatan.requests import MembershipQuery, NewbornEnrolment
from connectors.bpjs_kesehatan.settings import BpjsKesehatanSettings
from connectors.toolkit import RestConnector, diagnoses, errors, operation
from connectors.toolkit.transport import Reply
from schemas.health import HealthMembership

# VClaim takes the JSON of a write only under this label (contract section 4), capital A included.
WRITE_CONTENT_TYPE: Final = "Application/x-www-form-urlencoded"
# A refusal may come with its own status instead of 200; its body says more than the status does.
_READABLE: Final = (400, 401, 403, 404)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class BpjsKesehatan(RestConnector[BpjsKesehatanSettings]):
    """National health insurance (BPJS Kesehatan), VClaim REST. Contract: [C] for reading, [G] for newborn enrolment.

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

    @operation(effect="read", purpose="check of health insurance membership", contract="C")
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
        return self._membership(
            request.nik, self._call("POST", "Peserta", "bayi", "insert", body=wire.enrolment(newborn))
        )

    @enrol_newborn.reconcile
    def find_newborn(self, request: NewbornEnrolment, *, reference: str) -> HealthMembership | None:
        """The enrolment made under our reference; None when the agency knows no such reference."""
        try:
            found = self._call("GET", "Peserta", "bayi", "referensi", reference)
        except errors.Rejected as no:
            if no.code == verdicts.NOT_FOUND:
                return None
            # Any other no is about the question, not about the enrolment, which stays in doubt.
            raise errors.BadData("LOOK_UP_REFUSED", diagnosis=diagnoses.UNREADABLE, detail=no.detail) from None
        return self._membership(request.nik, found)

    def _call(self, method: str, *path: str, body: dict[str, Any] | None = None) -> wire.Membership:
        timestamp = str(int(self._now().timestamp()))
        headers = self._signed(timestamp)
        if body is not None:
            headers["Content-Type"] = WRITE_CONTENT_TYPE
        reply = self.exchange(
            method,
            "/".join(quote(part, safe="") for part in path),
            content=None if body is None else json.dumps(body).encode(),
            headers=headers,
            accept=_READABLE,
        )
        answer = self._answer(reply)
        if (error := verdicts.verdict(answer.meta, skew=self._skew(reply))) is not None:
            raise error
        return wire.Membership.model_validate(self._opened(answer.response, timestamp))

    def _signed(self, timestamp: str) -> dict[str, str]:
        cons_id, secret = self.settings.cons_id, self.settings.secret.get_secret_value()
        return {
            "X-cons-id": cons_id,
            "X-timestamp": timestamp,
            "X-signature": crypto.signature(cons_id, secret, timestamp),
            "user_key": self.settings.user_key.get_secret_value(),
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

    def _membership(self, nik: str, answer: wire.Membership) -> HealthMembership:
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
