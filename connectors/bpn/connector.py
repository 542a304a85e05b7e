"""The connector to BPN: certificates and the day's deeds over REST, registrations over SOAP. Shapes are beside it."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.bpn import mapping, verdicts, wire
from connectors.bpn.requests import CertificateQuery, TransferQuery, TransferRegistration
from connectors.bpn.settings import BpnSettings
from connectors.toolkit import Page, RestConnector, SoapConnector, diagnoses, feed, operation
from connectors.toolkit.errors import BadData, Rejected
from connectors.toolkit.reading import WIB
from schemas.land import LandCertificate, LandDeed, LandTransfer

_LAW = "PP 24/1997; PP 18/2021"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Bpn(RestConnector[BpnSettings], SoapConnector[BpnSettings]):
    """Land office (ATR/BPN). Contract: [C] for the day's deeds, [G] for the rest.

    Args:
        settings: Read from the environment when not given.
        now: The clock that tells which day is over.
    """

    agency = "bpn"
    wsdl = Path(__file__).with_name("PeralihanHak.wsdl")
    binding = "{http://service.bpn.invalid/PeralihanHak}PeralihanHakBinding"

    def __init__(self, settings: BpnSettings | None = None, *, now: Callable[[], datetime] = _utc_now) -> None:
        super().__init__(settings)
        self._now = now

    @property
    def soap_address(self) -> str:
        """The registration service stands below the same address."""
        return f"{self.address}/{self.settings.soap_path.strip('/')}"

    @operation(effect="read", purpose="check of a land certificate", legal_basis=_LAW, contract="G")
    def check_certificate(self, query: CertificateQuery) -> LandCertificate:
        """A certificate as the land book has it: owner, and whether anything stands against a transfer.

        Raises:
            Rejected: No such certificate.
            Misconfigured: User name or password refused.
        """
        row = self._row("Api/Sertipikat/cekSertipikat", {"NOMOR_SERTIPIKAT": query.certificate_number})
        return mapping.certificate(row, query.certificate_number)

    @operation(effect="write", purpose="registration of a change of owner", legal_basis=_LAW, contract="G")
    def register_transfer(self, request: TransferRegistration, *, reference: str) -> LandTransfer:
        """Registers a change of owner by deed, once the transfer tax is paid.

        Raises:
            Rejected: Certificate not known or blocked, seller not the owner, buyer not known, tax not paid, wrong NOP.
            Misconfigured: User name or password refused.
        """
        body = {"Header": self._header(reference), "Peralihan": mapping.registration(request)}
        return mapping.transfer(self._soap("DaftarPeralihanHak", body), reference)

    @register_transfer.reconcile
    def find_transfer(self, request: TransferRegistration, *, reference: str) -> LandTransfer | None:  # noqa: ARG002
        """The registration made under our reference."""
        body = {"Header": self._header(reference), "NomorReferensi": reference}
        try:
            return mapping.transfer(self._soap("CariPeralihanHak", body), reference)
        except Rejected as refused:
            if refused.code == verdicts.NO_REFERENCE:
                return None
            raise

    @operation(effect="read", purpose="state of a registration", legal_basis=_LAW, contract="G")
    def get_transfer(self, query: TransferQuery) -> LandTransfer:
        """How far a registration has come.

        Raises:
            Rejected: No such registration.
            Misconfigured: User name or password refused.
        """
        row = self._row("Api/PeralihanHak/statusBerkas", {"NOMOR_BERKAS": query.registration_number})
        return mapping.transfer_status(row, query.registration_number)

    @feed(every=timedelta(hours=1), purpose="land deeds for the local tax office", legal_basis=_LAW, contract="C")
    def land_deeds(self, cursor: str | None) -> Page[LandDeed]:
        """Deeds that the land office registered, day by day.

        The cursor is the day to be pulled next. Today's deeds come as well, and today is pulled again until it is over.
        """
        today = self._now().astimezone(WIB).date()
        wanted = date.fromisoformat(cursor) if cursor else min(self.settings.deeds_since or today, today)
        if wanted > today:
            # Our clock was set back: that day has not come yet.
            return Page((), wanted.isoformat())
        rows = self._call("Api/BPHTB/getDataATRBPN", {"TANGGAL": f"{wanted:%d/%m/%Y}"})
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadData("NOT_A_LIST", diagnosis=diagnoses.UNREADABLE, field="result")
        changes = [mapping.change(mapping.deed(row)) for row in rows]
        over = wanted < today
        return Page(changes, (wanted + timedelta(days=over)).isoformat(), more=over)

    def _row(self, path: str, fields: Mapping[str, str]) -> wire.Row:
        found = self._call(path, fields)
        if not isinstance(found, dict):
            raise BadData("NOT_ONE", diagnosis=diagnoses.UNREADABLE, field="result")
        return found

    def _call(self, path: str, fields: Mapping[str, str]) -> Any:
        login = {"USERNAME": self.settings.username, "PASSWORD": self.settings.password.get_secret_value()}
        return verdicts.result(self.exchange("POST", path, json={**login, **fields}).parse(wire.Envelope))

    def _soap(self, name: str, body: Mapping[str, Any]) -> wire.Row | None:
        answer = wire.SoapAnswer.model_validate(self.soap(name, body))
        if (error := verdicts.verdict(answer.code)) is not None:
            raise error
        return answer.data

    def _header(self, reference: str) -> dict[str, str]:
        return {
            "UserName": self.settings.username,
            "Password": self.settings.password.get_secret_value(),
            "Referensi": reference,
        }
