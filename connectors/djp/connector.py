"""The connector to DJP: its calls and the life of its token. Shapes, meanings and mappings are beside it."""

from typing import Any

from pydantic import BaseModel

from connectors.djp import mapping, verdicts, wire
from connectors.djp.requests import AddressUpdate, TaxpayerQuery, TaxStatusQuery
from connectors.djp.settings import DjpSettings
from connectors.toolkit import RestConnector, diagnoses, operation
from connectors.toolkit.errors import AgencyError, BadData, Rejected
from connectors.toolkit.tokens import Token, TokenRefusedError, Tokens
from schemas.acknowledgement import Acknowledgement
from schemas.tax import TaxClearance, Taxpayer

_KSWP = "Inpres 7/2015; PER-43/PJ/2015"
_STATUSES = (400, 401, 403, 404, 405, 406, 411)


class Djp(RestConnector[DjpSettings]):
    """National tax office (Ditjen Pajak), KSWP and NPWP web service. Contract: [C] for reading, [G] for writing."""

    agency = "djp"

    def __init__(self, settings: DjpSettings | None = None) -> None:
        super().__init__(settings)
        self._tokens = Tokens(self._token)

    @operation(effect="read", purpose="identity of a taxpayer", legal_basis="PMK 112/2022", contract="C")
    def get_taxpayer(self, query: TaxpayerQuery) -> Taxpayer:
        """One taxpayer by NPWP or NIK.

        Raises:
            Rejected: Not registered, or a number that this office does not take.
            Misconfigured: Account, token or IP address refused.
        """
        return mapping.taxpayer(self._call("npwp", wire.Npwp(npwp=mapping.on_the_wire(query.npwp))), query.npwp)

    @operation(effect="read", purpose="tax clearance before a licence", legal_basis=_KSWP, contract="C")
    def confirm_tax_status(self, query: TaxStatusQuery) -> TaxClearance:
        """Whether a taxpayer may be given a licence (KSWP); "not valid" is an answer, not an error.

        Raises:
            Rejected: A number that this office does not take.
            Misconfigured: Account, token or IP address refused.
        """
        body = wire.Kswp(npwp=mapping.on_the_wire(query.npwp), kdizin=query.licence_code)
        return mapping.clearance(self._call("kswp", body), query.npwp, query.licence_code)

    @operation(effect="write", purpose="change of a taxpayer's address", legal_basis="PER-04/PJ/2020", contract="G")
    def update_address(self, request: AddressUpdate, *, reference: str) -> Acknowledgement:
        """Tells the tax office where a taxpayer lives or works from now on.

        Raises:
            Rejected: Not registered, or a number that this office does not take.
            Misconfigured: Account, token or IP address refused.
        """
        return mapping.receipt(self._call("alamat", mapping.address(request, reference)), reference)

    @update_address.reconcile
    def find_address(self, request: AddressUpdate, *, reference: str) -> Acknowledgement | None:  # noqa: ARG002
        """The receipt of the change made under our reference."""
        try:
            return mapping.receipt(self._call("referensi", wire.Referensi(referensi=reference)), reference)
        except Rejected as refused:
            if refused.code == verdicts.NOT_FOUND:
                return None
            raise

    def _call(self, method: str, body: BaseModel) -> wire.Envelope:
        def call(token: str) -> wire.Envelope:
            answer = self._exchange(method, headers={"Authorization": token}, json=body)
            if answer.code in verdicts.TOKEN_REFUSED:
                raise TokenRefusedError
            return answer

        try:
            answer = self._tokens.using(call)
        except TokenRefusedError:
            raise verdicts.VERDICTS["400"]("400") from None
        if (error := verdicts.verdict(answer.code)) is not None:
            raise error
        return answer

    def _exchange(self, method: str, **sent: Any) -> wire.Envelope:
        """The body's status counts, whether HTTP says the same or 200."""
        return self.exchange("POST", method, accept=_STATUSES, **sent).parse(wire.Envelope)

    def _token(self) -> Token:
        account = {"user": self.settings.user, "pwd": self.settings.password.get_secret_value()}
        place = {"params": account} if self.settings.token_in_query else {"json": account}
        try:
            answer = self._exchange("token", **place)
        except AgencyError as trouble:
            # Whatever became of this call, the one that wanted the token was not sent.
            trouble.doubtful = False
            raise
        if (error := verdicts.verdict(answer.code)) is not None:
            raise error
        if not isinstance(answer.message, str) or not answer.message.strip():
            raise BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE, field="message", doubtful=False)
        return Token(answer.message.strip(), self.settings.token_seconds)
