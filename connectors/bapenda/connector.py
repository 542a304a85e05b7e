"""The connector to a local tax system: its calls, and the calls that BPN makes. Shapes and meanings are beside it."""

from collections.abc import Mapping

from connectors.bapenda import callbacks, mapping, verdicts, wire
from connectors.bapenda.requests import (
    OwnerChange,
    PropertyTaxQuery,
    TransferAssessment,
    TransferTaxBill,
    TransferTaxBillQuery,
    TransferTaxQuery,
)
from connectors.bapenda.settings import BapendaSettings
from connectors.toolkit import RestConnector, operation
from connectors.toolkit.errors import Rejected
from schemas.land import Property
from schemas.tax import PropertyTax, TransferTax

_LAW = "UU 1/2022; PP 35/2023"


class Bapenda(RestConnector[BapendaSettings]):
    """Local tax office (Bapenda): PBB and BPHTB. Contract: [C] where BPN asks the same, [G] for the rest."""

    agency = "bapenda"
    callbacks = (callbacks.BPHTB, callbacks.PBB)

    def __init__(self, settings: BapendaSettings | None = None) -> None:
        super().__init__(settings)
        self._login = {
            "USERNAME": self.settings.username,
            "PASSWORD": self.settings.password.get_secret_value(),
        }

    @operation(effect="read", purpose="land and building tax of a property", legal_basis=_LAW, contract="C")
    def get_property_tax(self, query: PropertyTaxQuery) -> PropertyTax:
        """How a property stands with the land and building tax (PBB), and what it is valued at.

        Raises:
            Rejected: No such property.
            Misconfigured: User name or password refused.
        """
        fields = {"NOP": query.nop} if query.year is None else {"NOP": query.nop, "TAHUN": str(query.year)}
        return mapping.property_tax(self._call("getPBBService", fields), query.nop, query.year)

    @operation(effect="read", purpose="assessment of the transfer tax", legal_basis=_LAW, contract="C")
    def assess_transfer_tax(self, request: TransferAssessment) -> TransferTax:
        """The tax on acquiring a property (BPHTB), computed by the by-law's numbers on the agency's valuation.

        Raises:
            Rejected: No such property.
            Misconfigured: User name or password refused.
        """
        row = self._call("getPBBService", {"NOP": request.nop})
        return mapping.assessment(request, mapping.property_tax(row, request.nop), self.settings)

    @operation(effect="repeatable", purpose="billing of the transfer tax", legal_basis=_LAW, contract="G")
    def bill_transfer_tax(self, request: TransferTaxBill, *, reference: str) -> TransferTax:
        """A bill for the transfer tax, with a payment code; one made twice lapses unpaid and costs nobody anything.

        Raises:
            Rejected: No such property, its land and building tax is in arrears, or the buyer is not known.
            Misconfigured: User name or password refused, or the agency computes another tax.
        """
        row = self._call("buatTagihanBPHTB", mapping.billed(request, reference))
        return mapping.bill(row, request.nop, reference=reference)

    @operation(effect="read", purpose="confirmation of a payment", legal_basis=_LAW, contract="G")
    def get_transfer_tax_bill(self, query: TransferTaxBillQuery) -> TransferTax:
        """How a bill stands: unpaid, expired, or paid with its NTPD.

        Raises:
            Rejected: No such bill.
            Misconfigured: User name or password refused.
        """
        row = self._call("cekTagihanBPHTB", {"NOP": query.nop, "KODE_BAYAR": query.payment_code})
        return mapping.bill(row, query.nop, payment_code=query.payment_code)

    @operation(effect="read", purpose="proof that the transfer tax is paid", legal_basis=_LAW, contract="C")
    def get_transfer_tax(self, query: TransferTaxQuery) -> TransferTax:
        """A transfer tax by its proof of payment (NTPD), as BPN asks for it.

        Raises:
            Rejected: No such property or payment.
            Misconfigured: User name or password refused.
        """
        row = self._call("getBPHTBService", {"NOP": query.nop, "NTPD": query.ntpd})
        return mapping.transfer_tax(row, query.nop, query.ntpd)

    @operation(effect="write", purpose="change of the taxpayer of a property", legal_basis=_LAW, contract="G")
    def rename_owner(self, request: OwnerChange, *, reference: str) -> Property:
        """Lists a property under its new owner after a transfer (balik nama PBB).

        Raises:
            Rejected: No such property or payment, the transfer tax is unpaid, or was paid by somebody else.
            Misconfigured: User name or password refused.
        """
        return mapping.owner(self._call("balikNamaPBB", mapping.renamed(request, reference)), request.nop, reference)

    @rename_owner.reconcile
    def find_owner_change(self, request: OwnerChange, *, reference: str) -> Property | None:
        """The change made under our reference."""
        try:
            row = self._call("cekBalikNamaPBB", {"REFERENSI": reference})
        except Rejected as refused:
            if refused.code == verdicts.NO_REFERENCE:
                return None
            raise
        return mapping.owner(row, request.nop, reference)

    def _call(self, service: str, fields: Mapping[str, str]) -> wire.Row:
        return verdicts.result(self.exchange("POST", service, json={**self._login, **fields}).parse(wire.Envelope))
