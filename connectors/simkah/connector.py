"""The connector to SIMKAH: its calls. Shapes, meanings and mappings are beside it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from connectors.simkah import mapping, verdicts, wire
from connectors.simkah.requests import BookQuery, Ceremony, IntentCancellation, IntentRegistration, IntentVerification
from connectors.simkah.settings import SimkahSettings
from connectors.toolkit import RestConnector, operation
from connectors.toolkit.errors import Rejected
from schemas.civil import MarriageIntent, MarriageRecord

_LAW = "UU 1/1974; UU 16/2019; PMA 20/2019"


class Simkah(RestConnector[SimkahSettings]):
    """Offices of religious affairs (KUA), SIMKAH. Contract: [G], no public interface exists."""

    agency = "simkah"

    def headers(self) -> Mapping[str, str]:
        """Our key."""
        return {"Authorization": f"Bearer {self.settings.api_key.get_secret_value()}"}

    @operation(
        effect="write",
        purpose="registration of an intended marriage",
        legal_basis=_LAW,
        contract="G",
        compensate="cancel_intent",
    )
    def register_intent(self, request: IntentRegistration, *, reference: str) -> MarriageIntent:
        """Registers an intended marriage: the number, the fee due, and the day until which papers are to be shown.

        Raises:
            Rejected: Too young, papers missing, too late without a dispensation, or one of the couple is bound.
            Misconfigured: Our key is refused.
        """
        return mapping.intent(self._post(wire.REGISTER, mapping.registration(request, reference)), reference)

    @register_intent.reconcile
    def find_intent(self, request: IntentRegistration, *, reference: str) -> MarriageIntent | None:  # noqa: ARG002
        """The registration made under our reference."""
        found = self._find("pendaftaran", reference)
        return None if found is None else mapping.intent(found, reference)

    @operation(
        effect="write",
        purpose="verification of marriage papers",
        legal_basis=_LAW,
        contract="G",
        compensate="cancel_intent",
    )
    def verify_intent(self, request: IntentVerification, *, reference: str) -> MarriageIntent:
        """Marks an intent's papers as seen, so that it does not lapse.

        Raises:
            Rejected: No such registration, or one that has lapsed, is cancelled or was held.
            Misconfigured: Our key is refused.
        """
        body = wire.Verify(referensi=reference, no_pendaftaran=request.registration_number)
        return mapping.intent(self._post(wire.VERIFY, body), reference)

    @verify_intent.reconcile
    def find_verification(self, request: IntentVerification, *, reference: str) -> MarriageIntent | None:  # noqa: ARG002
        """The verification made under our reference."""
        found = self._find("verifikasi", reference)
        return None if found is None else mapping.intent(found, reference)

    @operation(
        effect="write",
        purpose="withdrawal of an intended marriage",
        legal_basis=_LAW,
        contract="G",
        over=("STATUS",),
    )
    def cancel_intent(self, request: IntentCancellation, *, reference: str) -> MarriageIntent:
        """Cancels an intent: it undoes `register_intent` and `verify_intent`, as long as the ceremony was not held.

        Raises:
            Rejected: No such registration, or one that has lapsed, is cancelled or was held.
            Misconfigured: Our key is refused.
        """
        body = wire.Cancel(referensi=reference, no_pendaftaran=request.registration_number, alasan=request.reason)
        return mapping.intent(self._post(wire.CANCEL, body), reference)

    @cancel_intent.reconcile
    def find_cancellation(self, request: IntentCancellation, *, reference: str) -> MarriageIntent | None:  # noqa: ARG002
        """The cancellation made under our reference."""
        found = self._find("pembatalan", reference)
        return None if found is None else mapping.intent(found, reference)

    @operation(effect="write", purpose="registration of a marriage", legal_basis=_LAW, contract="G")
    def record_ceremony(self, request: Ceremony, *, reference: str) -> MarriageRecord:
        """Records a ceremony that was held: the marriage gets its book.

        Raises:
            Rejected: No such registration, not verified, already held, or its fee is unpaid.
            Misconfigured: Our key is refused.
        """
        return mapping.book(self._post(wire.CEREMONY, mapping.ceremony(request, reference)), reference=reference)

    @record_ceremony.reconcile
    def find_ceremony(self, request: Ceremony, *, reference: str) -> MarriageRecord | None:  # noqa: ARG002
        """The ceremony recorded under our reference."""
        found = self._find("akad", reference)
        return None if found is None else mapping.book(found, reference=reference)

    @operation(effect="read", purpose="proof of a marriage", legal_basis=_LAW, contract="G")
    def get_marriage_book(self, query: BookQuery) -> MarriageRecord:
        """One marriage by the number of its book.

        Raises:
            Rejected: No such book.
            Misconfigured: Our key is refused.
        """
        return mapping.book(
            self._call("GET", f"{wire.BOOK}/{quote(query.book_number, safe='')}"), number=query.book_number
        )

    def _post(self, path: str, body: BaseModel) -> Any:
        return self._call("POST", path, json=body)

    def _find(self, kind: str, reference: str) -> Any:
        try:
            return self._call("GET", f"{wire.REFERENCE}/{kind}/{quote(reference, safe='')}")
        except Rejected as refused:
            if refused.code == verdicts.NOT_FOUND:
                return None
            raise

    def _call(self, method: str, path: str, **sent: Any) -> Any:
        answer = self.exchange(method, path, **sent).parse(wire.Envelope)
        if (refused := verdicts.refusal(answer)) is not None:
            raise refused
        return answer.data
