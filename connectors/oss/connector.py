"""The connector to OSS: its calls. Shapes, codes, mappings and OSS's call to us are beside it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.oss import mapping, receive, verdicts, wire
from connectors.oss.requests import BusinessInquiry, DocumentQuery, LicenceReport, LicenceStatusReport, NibQuery
from connectors.oss.settings import OssSettings
from connectors.toolkit import RestConnector, documents, operation
from connectors.toolkit.errors import BadData, Rejected
from schemas.business import BusinessEntity, Licence
from schemas.documents import Document

_LAW = "PP 5/2021 (licensing of businesses by risk)"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Oss(RestConnector[OssSettings]):
    """OSS-RBA, national business licensing (BKPM). Contract: [D] 4.3.22.

    Args:
        settings: Read from the environment when not given.
        now: The clock that statuses are dated with.
    """

    agency = "oss"
    callbacks = (receive.RECEIVE_NIB,)

    def __init__(self, settings: OssSettings | None = None, *, now: Callable[[], datetime] = _utc_now) -> None:
        super().__init__(settings)
        self._now = now

    def headers(self) -> Mapping[str, str]:
        """Our key."""
        return {"user_key": self.settings.user_key.get_secret_value()}

    @operation(effect="read", purpose="verification of a business", legal_basis=_LAW, contract="D")
    def inquire_nib(self, query: BusinessInquiry) -> BusinessEntity:
        """A business with its projects and its owner, by NIB or NPWP.

        Raises:
            Rejected: OSS has no such business (400).
            Misconfigured: Key or address refused (401, 403, 404, 405).
        """
        answer = self._call("inqueryNIB", mapping.inquiry(query))
        return mapping.entity(wire.row(answer.get("dataNIB"), "dataNIB"), query.nib)

    @operation(effect="read", purpose="verification of a business", legal_basis=_LAW, contract="D")
    def check_nib(self, query: NibQuery) -> BusinessEntity:
        """Whether a NIB stands, and whose it is.

        Raises:
            Rejected: OSS has no such NIB (400).
            Misconfigured: Key or address refused (401, 403, 404, 405).
        """
        answer = self._call("checkNIB", {"CHECKNIB": {"nib": query.nib}})
        return mapping.entity(wire.row(answer.get("dataNIB"), "dataNIB"), query.nib)

    @operation(
        effect="write",
        purpose="report on a licence",
        legal_basis=_LAW,
        contract="D",
        compensate="send_licence_status",
        compensate_with={"status": "90"},
    )
    def send_licence_status(self, report: LicenceStatusReport, *, reference: str) -> Licence:
        """Tells OSS how far a licence is at our office; 41 to 44 stop, resume and reset the clock of its service standard.

        What was reported is undone by reporting 90, rejected.

        Raises:
            BadData: OSS refuses the message's form (400).
            Misconfigured: Key or address refused (401, 403, 404, 405).
        """
        body = mapping.status_report(
            report, agency_code=self.settings.agency_code, reference=reference, now=self._now()
        )
        self._call("receiveLicenseStatus", body, asked=False)
        return mapping.licence(report, reference=reference, data=body["IZINSTATUS"])

    @send_licence_status.reconcile
    def find_licence_status(self, report: LicenceStatusReport, *, reference: str) -> Licence | None:
        """The status that OSS shows for the licence, where it is the one we sent."""
        return self._find(report, reference)

    @operation(effect="write", purpose="report on a licence", legal_basis=_LAW, contract="D")
    def send_licence(self, report: LicenceReport, *, reference: str) -> Licence:
        """Hands OSS a licence as our office decided on it.

        Raises:
            BadData: OSS refuses the message's form (400).
            Misconfigured: Key or address refused (401, 403, 404, 405).
        """
        self._call("receiveLicense", mapping.final(report, reference=reference), asked=False)
        return mapping.licence(report, reference=reference)

    @send_licence.reconcile
    def find_licence(self, report: LicenceReport, *, reference: str) -> Licence | None:
        """The licence that OSS shows, where it is the one we sent."""
        return self._find(report, reference)

    @operation(effect="read", purpose="examination of a document", legal_basis=_LAW, contract="D")
    def get_document(self, query: DocumentQuery) -> Document:
        """A file that OSS names by its address: from OSS's own server as every call, from any other through a guard.

        Our key is not sent with it.

        Raises:
            BadData: The address may not be fetched, or what is there is no PDF of 2 MB at most.
        """
        limits = self.settings.document_limits
        if not self._is_theirs(query.url):
            return documents.fetch(query.url, limits).record()
        reply = self.transport.exchange("GET", query.url, accept=(404, 410))
        if reply.status != 200:
            raise BadData(f"HTTP_{reply.status}", diagnosis=documents.MISSING, doubtful=False)
        kind = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return documents.checked(reply.body, kind, limits).record()

    def _is_theirs(self, url: str) -> bool:
        """Whether an address is at the server that our settings name; then it is trusted, and may be a private one."""
        try:
            parts, own = urlsplit(url), urlsplit(self.settings.base_url)
        except ValueError:
            return False
        return url.isascii() and url.isprintable() and "\\" not in url and parts[:2] == own[:2]

    def _find(self, report: LicenceReport | LicenceStatusReport, reference: str) -> Licence | None:
        try:
            answer = self._call("checkLicenseStatus", {"CHECKLICENSESTATUS": {"id_izin": report.id_izin}})
        except Rejected as refused:
            if refused.code == verdicts.NOT_FOUND:
                return None
            raise
        shown = wire.row(answer.get("dataIzin", answer), "dataIzin")
        if not mapping.is_ours(shown, report, reference):
            return None
        return mapping.licence(report, reference=reference, data=shown)

    def _call(self, method: str, body: Mapping[str, Any], *, asked: bool = True) -> wire.Row:
        # Not found comes as kode 400, at some installations with that HTTP status as well.
        answer = wire.unwrapped(self.exchange("POST", method, json=body, accept=(400,)).json())
        if (refused := verdicts.refusal(str(answer["kode"]).strip(), asked=asked)) is not None:
            raise refused
        return answer
