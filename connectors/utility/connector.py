"""The connector to a utility: its calls. Shapes, meanings and mappings are beside it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from connectors.toolkit import PUBLIC_TASK, RestConnector, diagnoses, operation
from connectors.toolkit.errors import BadData, Rejected
from connectors.utility import mapping, verdicts, wire
from connectors.utility.requests import ArrearsQuery, ConnectionCancellation, ConnectionRequest, TransferRequest
from connectors.utility.settings import UtilitySettings
from schemas.utility import UtilityAccount

# A refusal may come with a status of its own; its body says more than the status does.
_READABLE = (400, 401, 403, 404, 422)


class Utility(RestConnector[UtilitySettings]):
    """Electricity (PLN) and water (PDAM). Contract: [G]."""

    agency = "utility"

    def headers(self) -> Mapping[str, str]:
        """Who calls."""
        return {"X-Api-Key": self.settings.api_key.get_secret_value(), "X-Kode-Mitra": self.settings.partner}

    @operation(effect="read", purpose="check of unpaid utility bills", legal_basis=PUBLIC_TASK, contract="G")
    def check_arrears(self, query: ArrearsQuery) -> UtilityAccount:
        """One connection with what is unpaid on it; zero arrears are an answer.

        Raises:
            Rejected: No such customer.
            Misconfigured: Key, partner code or quota refused.
        """
        data = self._call("GET", f"pelanggan/{query.customer_number}/tunggakan")
        return mapping.account(wire.Account.model_validate(data), customer_number=query.customer_number)

    @operation(
        effect="write",
        purpose="application for a utility connection",
        legal_basis=PUBLIC_TASK,
        contract="G",
        compensate="cancel_connection",
    )
    def request_connection(self, request: ConnectionRequest, *, reference: str) -> UtilityAccount:
        """Applies for a new connection; the record names the fee, and has no customer number yet.

        Raises:
            Rejected: The applicant is not known, or the tariff is not to be had there.
            Misconfigured: Key, partner code or quota refused.
        """
        body = mapping.connection(request, reference=reference, partner=self.settings.partner)
        return self._written("sambungan-baru", body, reference)

    @request_connection.reconcile
    def find_connection(self, request: ConnectionRequest, *, reference: str) -> UtilityAccount | None:  # noqa: ARG002
        """The application made under our reference; None when the utility knows no such reference."""
        return self._found("sambungan-baru", reference)

    @operation(effect="write", purpose="withdrawal of an application", legal_basis=PUBLIC_TASK, contract="G")
    def cancel_connection(self, request: ConnectionCancellation, *, reference: str) -> UtilityAccount:
        """Cancels the application for a connection that is not laid yet: what undoes `request_connection`.

        Raises:
            Rejected: No such application, or it is cancelled already or laid.
            Misconfigured: Key, partner code or quota refused.
        """
        body = mapping.cancellation(request, reference=reference, partner=self.settings.partner)
        return self._written("pembatalan", body, reference)

    @cancel_connection.reconcile
    def find_cancellation(self, request: ConnectionCancellation, *, reference: str) -> UtilityAccount | None:  # noqa: ARG002
        """The cancellation made under our reference; None when the utility knows no such reference."""
        return self._found("pembatalan", reference)

    @operation(
        effect="write",
        purpose="transfer of a utility connection to its new holder",
        legal_basis=PUBLIC_TASK,
        contract="G",
    )
    def transfer_name(self, request: TransferRequest, *, reference: str) -> UtilityAccount:
        """Puts a connection into another holder's name (balik nama).

        Raises:
            Rejected: No such customer, unpaid bills, or the new holder is not known.
            Misconfigured: Key, partner code or quota refused.
        """
        body = mapping.transfer(request, reference=reference, partner=self.settings.partner)
        return self._written("balik-nama", body, reference)

    @transfer_name.reconcile
    def find_transfer(self, request: TransferRequest, *, reference: str) -> UtilityAccount | None:  # noqa: ARG002
        """The transfer made under our reference; None when the utility knows no such reference."""
        return self._found("balik-nama", reference)

    def _written(self, what: str, body: BaseModel, reference: str) -> UtilityAccount:
        data = self._call("POST", f"permohonan/{what}", body)
        return mapping.account(wire.Account.model_validate(data), reference=reference)

    def _found(self, what: str, reference: str) -> UtilityAccount | None:
        try:
            data = self._call("GET", f"permohonan/{what}/referensi/{quote(reference, safe='')}")
        except Rejected as no:
            if no.code == verdicts.NOT_FOUND:
                return None
            # Any other no is about the question, not about the write, which stays in doubt.
            raise BadData("LOOK_UP_REFUSED", diagnosis=diagnoses.UNREADABLE, detail=no.code) from None
        return mapping.account(wire.Account.model_validate(data), reference=reference)

    def _call(self, method: str, path: str, body: BaseModel | None = None) -> Any:
        answer = self.exchange(method, path, json=body, accept=_READABLE).parse(wire.Answer)
        if (error := verdicts.verdict(answer.code)) is not None:
            raise error
        return answer.data
