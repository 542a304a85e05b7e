"""Between the signature service's answers and our records, both ways. Pure functions."""

import base64
import hashlib
from typing import Any, get_args

from connectors.bsre.requests import SignRequest
from connectors.bsre.settings import Signer
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import moment, needed, text
from schemas.documents import MAX_CONTENT
from schemas.signing import Signature, SignatureCheck, SignedDocument, SignerStatus, SigningStatus


def form(request: SignRequest, signer: Signer, reference: str) -> dict[str, str | tuple[str, bytes, str]]:
    """`/api/sign/pdf` as multipart. Without a link the signature is invisible."""
    fields: dict[str, str | tuple[str, bytes, str]] = {
        "file": ("dokumen.pdf", base64.b64decode(request.content), "application/pdf"),
        "nik": signer.nik,
        "passphrase": signer.passphrase.get_secret_value(),
        "tampilan": "visible" if request.link else "invisible",
        "reason": f"{request.reason} [ref {reference}]" if request.reason else f"[ref {reference}]",
        "location": request.location or "",
        "text": "",
    }
    if request.link:
        place = {"image": "false", "linkQR": request.link, "page": "1"}
        fields |= place | {"xAxis": "36", "yAxis": "36", "width": "72", "height": "72"}
    return fields


def document(
    content: bytes, *, document_id: str | None, signer: str | None = None, reference: str | None = None
) -> SignedDocument:
    """A signed PDF.

    Raises:
        BadData: It is no whole PDF, or too large for a message.
    """
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-1024:]:
        raise BadData("NOT_A_PDF", diagnosis=diagnoses.UNREADABLE)
    written = base64.b64encode(content).decode()
    if len(written) > MAX_CONTENT:
        raise BadData("TOO_LARGE", diagnosis=diagnoses.TOO_LARGE)
    return SignedDocument(
        document_id=text(document_id),
        signer=signer,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        content=written,
        reference=reference,
    )


def status(answer: Any, nik: str) -> SigningStatus:
    """Whether somebody may sign.

    Raises:
        BadData: The status is none that the manual knows.
    """
    word = needed(answer.get("status") if isinstance(answer, dict) else None, "status").upper()
    for known in get_args(SignerStatus):
        if known == word:
            return SigningStatus(nik=nik, status=known, may_sign=known == "ISSUE")
    raise BadData("STATUS", diagnosis=diagnoses.UNREADABLE, field="status")


def check(answer: Any) -> SignatureCheck:
    """What a check of signatures says. Valid is only what has signatures, each of them intact and trusted."""
    if not isinstance(answer, dict):
        raise BadData("NOT_AN_OBJECT", diagnosis=diagnoses.UNREADABLE)
    details = answer.get("details") or []
    if not isinstance(details, list) or not all(isinstance(one, dict) for one in details):
        raise BadData("NOT_A_LIST", diagnosis=diagnoses.UNREADABLE, field="details")
    signatures = tuple(map(_signature, details))
    return SignatureCheck(
        valid=bool(signatures) and all(one.intact and one.trusted for one in signatures),
        count=int(answer.get("jumlah_signature") or 0),
        summary=text(answer.get("summary")),
        notes=text(answer.get("notes")),
        document_name=text(answer.get("nama_dokumen")),
        signatures=signatures,
    )


def _signature(detail: dict[str, Any]) -> Signature:
    who, what, tsa = (_object(detail, name) for name in ("info_signer", "signature_document", "info_tsa"))
    return Signature(
        field=text(detail.get("signature_field")),
        signer=text(who.get("signer_name")),
        signed_at=moment(what.get("signed_in"), "signed_in"),
        reason=text(what.get("reason")),
        location=text(what.get("location")),
        timestamp_authority=text(tsa.get("name")),
        intact=_flag(what.get("document_integrity")),
        trusted=_flag(who.get("cert_user_certified")),
    )


def _object(detail: dict[str, Any], name: str) -> dict[str, Any]:
    found = detail.get(name)
    return found if isinstance(found, dict) else {}


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
