"""The connector to the district's permit office: its calls. Shapes, codes and mappings are beside it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from connectors.dpmptsp import mapping, verdicts
from connectors.dpmptsp.requests import PermitIssue, PermitQuery, PermitRegistration, PermitWithdrawal
from connectors.dpmptsp.settings import DpmptspSettings
from connectors.toolkit import RestConnector, diagnoses, operation
from connectors.toolkit.errors import BadData, Misconfigured, Rejected
from schemas.business import Permit

_LAW = "PP 5/2021; PP 6/2021; UU 23/2014"
_NOT_GONE_ON_WITH = {"reason": "Permohonan tidak dilanjutkan"}


class Dpmptsp(RestConnector[DpmptspSettings]):
    """The district's one-stop office for permits (DPMPTSP). Contract: [G]."""

    agency = "dpmptsp"

    def headers(self) -> Mapping[str, str]:
        """The token."""
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    @operation(
        effect="write",
        purpose="registration of a permit",
        legal_basis=_LAW,
        contract="G",
        compensate="withdraw_permit",
        compensate_with=_NOT_GONE_ON_WITH,
    )
    def register_permit(self, request: PermitRegistration, *, reference: str) -> Permit:
        """Registers that a permit is asked for; the office examines and inspects from then on.

        Raises:
            Rejected: The applicant is not known (HOLDER).
            Misconfigured: Token refused.
        """
        row = self._call("POST", "perizinan", json=mapping.registration(request, reference))
        return mapping.permit(row, reference=reference)

    @register_permit.reconcile
    def find_registration(self, request: PermitRegistration, *, reference: str) -> Permit | None:  # noqa: ARG002
        """The registration made under our reference."""
        return self._find("daftar", reference)

    @operation(effect="read", purpose="progress of a permit", legal_basis=_LAW, contract="G")
    def get_permit(self, query: PermitQuery) -> Permit:
        """How a permit stands, by OSS's table of statuses.

        Raises:
            Rejected: Nothing is registered under this number (NOT_FOUND).
        """
        return mapping.permit(self._call("GET", "perizinan", query.registration), asked=query.registration)

    @operation(effect="read", purpose="result of an inspection", legal_basis=_LAW, contract="G")
    def inspection_result(self, query: PermitQuery) -> Permit:
        """A permit with what its inspection found; no inspection yet is an answer too.

        Raises:
            Rejected: Nothing is registered under this number (NOT_FOUND).
        """
        row = self._call("GET", "perizinan", query.registration, "pemeriksaan")
        return mapping.permit(row, asked=query.registration)

    @operation(
        effect="write",
        purpose="issue of a permit",
        legal_basis=_LAW,
        contract="G",
        compensate="withdraw_permit",
        compensate_with=_NOT_GONE_ON_WITH,
    )
    def issue_permit(self, request: PermitIssue, *, reference: str) -> Permit:
        """Issues a permit: it gets its number.

        Raises:
            Rejected: Not registered, not passed, or withdrawn (NOT_FOUND, INSPECTION, WITHDRAWN).
        """
        body = mapping.issue(request, reference)
        row = self._call("POST", "perizinan", request.registration, "terbit", json=body)
        return mapping.permit(row, asked=request.registration, reference=reference)

    @issue_permit.reconcile
    def find_issue(self, request: PermitIssue, *, reference: str) -> Permit | None:  # noqa: ARG002
        """The permit issued under our reference."""
        return self._find("terbit", reference)

    @operation(effect="write", purpose="withdrawal of a permit", legal_basis=_LAW, contract="G", over=("WITHDRAWN",))
    def withdraw_permit(self, request: PermitWithdrawal, *, reference: str) -> Permit:
        """Takes a permit or its registration back: what undoes `register_permit` and `issue_permit`.

        Raises:
            Rejected: Not registered, or withdrawn before (NOT_FOUND, WITHDRAWN).
        """
        body = mapping.withdrawal(request, reference)
        row = self._call("POST", "perizinan", request.registration, "cabut", json=body)
        return mapping.permit(row, asked=request.registration, reference=reference)

    @withdraw_permit.reconcile
    def find_withdrawal(self, request: PermitWithdrawal, *, reference: str) -> Permit | None:  # noqa: ARG002
        """The withdrawal made under our reference."""
        return self._find("cabut", reference)

    def _find(self, act: str, reference: str) -> Permit | None:
        try:
            return mapping.permit(self._call("GET", "referensi", act, reference), reference=reference)
        except Rejected as refused:
            if refused.code == verdicts.NOT_FOUND:
                return None
            raise

    def _call(self, method: str, *path: str, json: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        reply = self.exchange(
            method, "/".join(quote(part, safe="") for part in path), json=json, accept=(404, 409, 422)
        )
        answer = reply.json()
        if not isinstance(answer, dict):
            raise BadData("NOT_AN_OBJECT", diagnosis=diagnoses.UNREADABLE)
        if reply.status == 404 and "kode" not in answer:
            raise Misconfigured("HTTP_404", diagnosis=diagnoses.WRONG_ADDRESS)
        if reply.status >= 400:
            raise verdicts.refusal(answer.get("kode"))
        return answer
