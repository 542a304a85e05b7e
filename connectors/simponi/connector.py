"""The connector to SIMPONI: bills for state fees, over SOAP or REST. Shapes, codes, mappings and the push are beside it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.simponi import mapping, positional, push, verdicts, wire
from connectors.simponi.requests import BillQuery, BillRequest
from connectors.simponi.settings import SimponiSettings
from connectors.toolkit import RestConnector, SoapConnector, operation
from connectors.toolkit.contracts import ContractDocument
from schemas.payments import Bill, Payment


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Simponi(RestConnector[SimponiSettings], SoapConnector[SimponiSettings]):
    """State fee billing (SIMPONI, Ministry of Finance): SOAP wrapper or REST with positional arrays. Contract: [C].

    Args:
        settings: Read from the environment when not given.
        now: The clock that bills are dated with.
    """

    agency = "simponi"
    wsdl = Path(__file__).with_name("SimponiBRI_Service.wsdl")
    binding = "{http://SimponiBRI_Service}SimponiBRI_ServiceBinding"
    callbacks = (push.PAYMENT,)
    contracts = (ContractDocument("SimponiBRI_Service.wsdl", "?wsdl"),)

    def __init__(self, settings: SimponiSettings | None = None, *, now: Callable[[], datetime] = _utc_now) -> None:
        super().__init__(settings)
        self._now = now

    @operation(
        effect="repeatable",
        purpose="billing of a state fee",
        legal_basis="UU 9/2018 (non-tax state revenue)",
        contract="C",
    )
    def create_bill(self, request: BillRequest, *, reference: str) -> Bill:
        """A new bill. There is no look-up by our reference; a bill made twice lapses unpaid and costs nobody anything.

        Raises:
            Misconfigured: User, office or number of parameters refused (IU, IS, 30).
            BadData: A value or the format refused (ID, 99).
            Retriable: General error (GE).
        """
        now = self._now()
        if self.settings.transport == "rest":
            asked = positional.bill_request(request, self.settings, reference=reference, now=now)
            verdict = positional.bill_verdict(self._ask(asked))
        else:
            body = mapping.payment_request(request, self.settings, reference=reference, now=now)
            verdict = wire.BillAnswer.model_validate(self.soap("PaymentRequest", body)).response
        if (error := verdicts.verdict(verdict.code)) is not None:
            raise error
        return mapping.bill(verdict.data, request, reference=reference)

    @operation(
        effect="read",
        purpose="confirmation of a payment",
        legal_basis="UU 9/2018 (non-tax state revenue)",
        contract="C",
    )
    def get_bill(self, query: BillQuery) -> Payment:
        """Whether a bill is paid, with NTB and NTPN; unpaid and expired are answers, not errors (NF).

        Raises:
            Rejected: SIMPONI says that it never issued the billing code.
            Misconfigured: User, office or number of parameters refused (IU, IS, 30).
        """
        if self.settings.transport == "rest":
            answer = positional.status_answer(self._ask(positional.status_request(query, self.settings)))
        else:
            answer = wire.StatusAnswer.model_validate(
                self.soap("BillingStatus", mapping.status_request(query, self.settings))
            )
        if answer.code.strip().upper() != verdicts.NOT_PAID and (error := verdicts.verdict(answer.code)) is not None:
            raise error
        return mapping.payment(answer, query)

    def _ask(self, asked: dict[str, Any]) -> wire.Positional:
        form = {"simponi_req": positional.written(asked)}
        return wire.PositionalAnswer.model_validate(self.exchange("POST", positional.PATH, form=form).json()).response
