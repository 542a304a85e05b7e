"""The connector to immigration: passports over SOAP with WS-Security. Shapes, codes and mappings are beside it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.imigrasi import mapping, verdicts, wire
from connectors.imigrasi.requests import (
    BiometricsRequest,
    CancelRequest,
    IssueRequest,
    PassportQuery,
    PassportRequest,
)
from connectors.imigrasi.settings import ImigrasiSettings
from connectors.toolkit import SoapConnector, operation, wss
from connectors.toolkit.errors import AgencyError, Rejected
from schemas.immigration import BiometricsAppointment, Passport, PassportApplication

_LAW = "UU 6/2011 (immigration); Permenkumham 8/2014"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Imigrasi(SoapConnector[ImigrasiSettings]):
    """Immigration's passport service. Contract: [G].

    Args:
        settings: Read from the environment when not given.
        now: The clock that envelopes are dated with.
    """

    agency = "imigrasi"
    wsdl = Path(__file__).with_name("LayananPaspor.wsdl")
    binding = "{urn:simpul:imigrasi:paspor:1}LayananPasporBinding"

    def __init__(self, settings: ImigrasiSettings | None = None, *, now: Callable[[], datetime] = _utc_now) -> None:
        super().__init__(settings)
        self._now = now

    def security(self) -> Any:
        """UsernameToken with digest, nonce and time, and our signature over the body."""
        settings = self.settings
        return wss.token_and_signature(
            settings.username,
            settings.password.get_secret_value(),
            settings.signing_key.get_secret_value(),
            settings.certificate,
            self._now,
        )

    def fault(self, code: str, message: str) -> AgencyError:
        """Faults of WS-Security are our misconfiguration."""
        return verdicts.refused(code) if code in verdicts.SECURITY else super().fault(code, message)

    @operation(
        effect="write",
        purpose="application for a passport",
        legal_basis=_LAW,
        contract="G",
        compensate="cancel_application",
    )
    def open_application(self, request: PassportRequest, *, reference: str) -> PassportApplication:
        """Opens an application; unpaid, it lapses after two hours.

        Raises:
            Rejected: NIK unknown or not active, or another application under way (11-13).
        """
        body = mapping.opening(request, self.settings, reference)
        return mapping.application(self._call("BukaPermohonan", body), reference=reference)

    @open_application.reconcile
    def find_application(self, request: PassportRequest, *, reference: str) -> PassportApplication | None:  # noqa: ARG002
        """The application opened under our reference."""
        data = self._find("BUKA", reference)
        return None if data is None else mapping.application(data, reference=reference)

    @operation(
        effect="write",
        purpose="appointment for passport biometrics",
        legal_basis=_LAW,
        contract="G",
        compensate="cancel_application",
    )
    def book_biometrics(self, request: BiometricsRequest, *, reference: str) -> BiometricsAppointment:
        """Books photograph, fingerprints and interview at the mall, once the fee is paid.

        Raises:
            Rejected: Application unknown, lapsed, cancelled or issued (14, 21, 22, 24).
        """
        data = self._call("JadwalBiometrik", mapping.booking(request, reference))
        return mapping.appointment(data, number=request.number, reference=reference)

    @book_biometrics.reconcile
    def find_appointment(self, request: BiometricsRequest, *, reference: str) -> BiometricsAppointment | None:
        """The appointment booked under our reference."""
        data = self._find("JADWAL", reference)
        return None if data is None else mapping.appointment(data, number=request.number, reference=reference)

    @operation(effect="read", purpose="progress of a passport", legal_basis=_LAW, contract="G")
    def get_status(self, query: PassportQuery) -> PassportApplication:
        """How an application stands.

        Raises:
            Rejected: There is none with this number (14).
        """
        return mapping.application(self._call("StatusPermohonan", {"noPermohonan": query.number}), number=query.number)

    @operation(effect="write", purpose="issue of a passport", legal_basis=_LAW, contract="G")
    def issue_passport(self, request: IssueRequest, *, reference: str) -> Passport:
        """Issues the passport, once biometrics were taken.

        Raises:
            Rejected: Application unknown, lapsed, cancelled, without biometrics, or issued (14, 21-24).
        """
        body = {"noReferensi": reference, "noPermohonan": request.number}
        return mapping.passport(self._call("TerbitkanPaspor", body), number=request.number, reference=reference)

    @issue_passport.reconcile
    def find_passport(self, request: IssueRequest, *, reference: str) -> Passport | None:
        """The passport issued under our reference."""
        data = self._find("TERBIT", reference)
        return None if data is None else mapping.passport(data, number=request.number, reference=reference)

    @operation(
        effect="write",
        purpose="withdrawal of a passport application",
        legal_basis=_LAW,
        contract="G",
        over=("21", "22"),
    )
    def cancel_application(self, request: CancelRequest, *, reference: str) -> PassportApplication:
        """Cancels an application: what undoes `open_application` and `book_biometrics`.

        Raises:
            Rejected: Application unknown, lapsed, cancelled or issued (14, 21, 22, 24).
        """
        body = {"noReferensi": reference, "noPermohonan": request.number, "alasan": request.reason}
        return mapping.application(self._call("BatalPermohonan", body), number=request.number, reference=reference)

    @cancel_application.reconcile
    def find_cancellation(self, request: CancelRequest, *, reference: str) -> PassportApplication | None:
        """The cancellation made under our reference."""
        data = self._find("BATAL", reference)
        return None if data is None else mapping.application(data, number=request.number, reference=reference)

    def _call(self, operation: str, body: Mapping[str, Any]) -> wire.Data | None:
        answer = wire.Answer.model_validate(self.soap(operation, body))
        if (error := verdicts.verdict(answer.kode)) is not None:
            raise error
        return answer.data

    def _find(self, kind: str, reference: str) -> wire.Data | None:
        try:
            return self._call("CariReferensi", {"noReferensi": reference, "jenis": kind})
        except Rejected as error:
            if error.code == verdicts.NOT_FOUND:
                return None
            raise
