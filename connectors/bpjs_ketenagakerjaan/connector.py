"""The connector to BPJS Ketenagakerjaan: its calls, over SOAP. Shapes, codes and mappings are beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.bpjs_ketenagakerjaan import mapping, verdicts, wire
from connectors.bpjs_ketenagakerjaan.requests import (
    DeathClaimRequest,
    EmployerRegistration,
    EmploymentMembershipQuery,
    WorkerRegistration,
)
from connectors.bpjs_ketenagakerjaan.settings import BpjsKetenagakerjaanSettings
from connectors.toolkit import SoapConnector, diagnoses, operation
from connectors.toolkit.errors import BadData, Rejected
from schemas.acknowledgement import Acknowledgement
from schemas.employment import DeathClaim, EmploymentMembership

_LAW = "UU 24/2011 (BPJS); PP 44/2015 (work accidents and death)"


class BpjsKetenagakerjaan(SoapConnector[BpjsKetenagakerjaanSettings]):
    """Workers' insurance (BPJS Ketenagakerjaan), SOAP. Contract: [G]."""

    agency = "bpjs_ketenagakerjaan"
    wsdl = Path(__file__).with_name("BPJSTK_Service.wsdl")
    binding = "{http://BPJSTK_Service}BPJSTK_ServiceBinding"

    @operation(effect="write", purpose="registration of an employer", legal_basis=_LAW, contract="G")
    def register_employer(self, request: EmployerRegistration, *, reference: str) -> Acknowledgement:
        """Registers a business that insures its workers; the number that comes back is its NPP.

        Raises:
            Rejected: NIB and NPWP do not agree.
            Misconfigured: Credentials or quota refused.
        """
        return mapping.employer(self._call("DaftarPerusahaan", mapping.employer_request(request, reference)), reference)

    @register_employer.reconcile
    def find_employer(self, request: EmployerRegistration, *, reference: str) -> Acknowledgement | None:  # noqa: ARG002
        """The registration made under our reference; None when the agency knows no such reference."""
        answer = self._found("PERUSAHAAN", reference)
        return None if answer is None else mapping.employer(answer, reference)

    @operation(effect="write", purpose="registration of a worker", legal_basis=_LAW, contract="G")
    def register_worker(self, request: WorkerRegistration, *, reference: str) -> EmploymentMembership:
        """Registers a worker of a registered employer.

        Raises:
            Rejected: The employer or the worker's NIK is not known.
            Misconfigured: Credentials or quota refused.
        """
        answer = self._call("DaftarPekerja", mapping.worker_request(request, reference))
        return mapping.membership(answer, request.nik, reference)

    @register_worker.reconcile
    def find_worker(self, request: WorkerRegistration, *, reference: str) -> EmploymentMembership | None:
        """The registration made under our reference; None when the agency knows no such reference."""
        answer = self._found("PEKERJA", reference)
        return None if answer is None else mapping.membership(answer, request.nik, reference)

    @operation(effect="read", purpose="check of membership of the workers' insurance", legal_basis=_LAW, contract="G")
    def get_membership(self, query: EmploymentMembershipQuery) -> EmploymentMembership:
        """One worker's membership by NIK.

        Raises:
            Rejected: The NIK belongs to no member.
            Misconfigured: Credentials or quota refused.
        """
        return mapping.membership(self._call("InfoPeserta", {"NIK": query.nik}), query.nik)

    @operation(effect="write", purpose="claim of a family after a worker's death", legal_basis=_LAW, contract="G")
    def file_death_claim(self, request: DeathClaimRequest, *, reference: str) -> DeathClaim:
        """Files the claim of a family after a worker's death.

        Raises:
            Rejected: Who has died was no member, no death is registered, or the heir is not known.
            Misconfigured: Credentials or quota refused.
        """
        answer = self._call("KlaimKematian", mapping.claim_request(request, reference))
        return mapping.claim(answer, request.nik, reference)

    @file_death_claim.reconcile
    def find_death_claim(self, request: DeathClaimRequest, *, reference: str) -> DeathClaim | None:
        """The claim filed under our reference; None when the agency knows no such reference."""
        answer = self._found("KLAIM", reference)
        return None if answer is None else mapping.claim(answer, request.nik, reference)

    def _found(self, kind: str, reference: str) -> wire.Answer | None:
        try:
            return self._call("CariReferensi", {"NoReferensi": reference, "Jenis": kind})
        except Rejected as no:
            if no.code == verdicts.NOT_FOUND:
                return None
            # Any other no is about the question, not about the write, which stays in doubt.
            raise BadData("LOOK_UP_REFUSED", diagnosis=diagnoses.UNREADABLE, detail=no.code) from None

    def _call(self, operation: str, body: Mapping[str, Any]) -> wire.Answer:
        login = {
            "UserId": self.settings.user_id,
            "Password": self.settings.password.get_secret_value(),
            "KodeKantor": self.settings.branch_code,
        }
        answer = wire.Answer.model_validate(self.soap(operation, {"Login": login, **body}))
        if (error := verdicts.verdict(answer.code)) is not None:
            raise error
        return answer
