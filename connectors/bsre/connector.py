"""The connector to the Esign Client of BSrE: its calls. Codes and mappings are beside it."""

import base64
from collections.abc import Mapping
from urllib.parse import quote

from connectors.bsre import mapping, verdicts
from connectors.bsre.requests import DownloadRequest, SignatureQuery, SignerQuery, SignRequest
from connectors.bsre.settings import BsreSettings
from connectors.toolkit import RestConnector, operation
from schemas.signing import SignatureCheck, SignedDocument, SigningStatus

_LAW = "UU 11/2008; PP 71/2019; Perpres 95/2018"


class Bsre(RestConnector[BsreSettings]):
    """Electronic signatures (BSrE, BSSN), Esign Client on our premises. Contract: [D] manual 2.2."""

    agency = "bsre"
    accept_json = "*/*"

    def headers(self) -> Mapping[str, str]:
        """HTTP Basic."""
        login = f"{self.settings.user}:{self.settings.password.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}

    @operation(effect="repeatable", purpose="electronic signature", legal_basis=_LAW, contract="D")
    def sign_pdf(self, request: SignRequest, *, reference: str) -> SignedDocument:
        """Signs a PDF as somebody whom the settings name. A repeat leaves a signed copy that nobody is handed.

        Raises:
            Misconfigured: Signer unknown, not ISSUE, or the passphrase is wrong (2011, 2031).
        """
        signer = self.settings.signer(request.signer)
        if signer is None:
            raise verdicts.unknown_signer()
        reply = self.exchange("POST", "api/sign/pdf", multipart=mapping.form(request, signer, reference), accept=(400,))
        if reply.status == 400 or reply.body.lstrip()[:1] == b"{":
            refused = verdicts.refusal(reply.json())
            # The manual names no code for a certificate that is not ISSUE: the status says it.
            if refused.code == verdicts.UNKNOWN and not (standing := self._status(signer.nik)).may_sign:
                raise verdicts.may_not_sign(standing.status)
            raise refused
        number = reply.headers.get("id_dokumen")
        if not reply.body.startswith(b"%PDF-"):
            reply.json()
        return mapping.document(reply.body, document_id=number, signer=request.signer, reference=reference)

    @operation(effect="read", purpose="check of a signer", legal_basis=_LAW, contract="D")
    def user_status(self, query: SignerQuery) -> SigningStatus:
        """Whether somebody may sign; not registered is an answer too."""
        return self._status(query.nik)

    @operation(effect="read", purpose="check of signatures", legal_basis=_LAW, contract="D")
    def verify(self, query: SignatureQuery) -> SignatureCheck:
        """What the signatures of a PDF are worth; none at all is an answer too."""
        file = ("dokumen.pdf", base64.b64decode(query.content), "application/pdf")
        reply = self.exchange("POST", "api/sign/verify", multipart={"signed_file": file})
        return mapping.check(reply.json())

    @operation(effect="repeatable", purpose="receipt of a signed document", legal_basis=_LAW, contract="D")
    def download_signed(self, request: DownloadRequest, *, reference: str) -> SignedDocument:
        """A signed document by the service's number, which gives it out once: the record is what keeps it.

        Raises:
            Rejected: It was downloaded before; sign again.
        """
        path = f"api/sign/download/{quote(request.document_id, safe='')}"
        reply = self.exchange("GET", path, headers={"X-Reference": reference}, accept=(404,))
        if reply.status == 404:
            reply.json()
            raise verdicts.downloaded()
        if not reply.body.startswith(b"%PDF-"):
            reply.json()
        return mapping.document(reply.body, document_id=request.document_id, reference=reference)

    def _status(self, nik: str) -> SigningStatus:
        return mapping.status(self.exchange("GET", f"api/user/status/{nik}").json(), nik)
