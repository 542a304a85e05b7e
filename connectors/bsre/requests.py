"""What a caller asks of the signature service."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from schemas.base import Filled
from schemas.documents import DOCUMENT, MAX_CONTENT
from schemas.identifiers import NIK

SIGNATURE_ROOM = 60_000
"""Characters of base64 that a signature may add to a document."""


def _pdf(value: str) -> str:
    try:
        start = base64.b64decode(value, validate=True)[:5]
    except binascii.Error:
        raise ValueError("is not base64") from None
    if start != b"%PDF-":
        raise ValueError("is not a PDF in base64")
    return value


Pdf = Annotated[str, StringConstraints(max_length=MAX_CONTENT), AfterValidator(_pdf), DOCUMENT]
ToSign = Annotated[str, StringConstraints(max_length=MAX_CONTENT - SIGNATURE_ROOM), AfterValidator(_pdf), DOCUMENT]


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SignRequest(Request):
    """A PDF to be signed; the signature is invisible unless it links somewhere."""

    content: ToSign
    signer: Filled
    reason: Filled | None = None
    location: Filled | None = None
    link: Filled | None = None


class SignerQuery(Request):
    """Whether somebody may sign."""

    nik: NIK


class SignatureQuery(Request):
    """A PDF whose signatures are to be checked."""

    content: Pdf


class DownloadRequest(Request):
    """A signed document that the service still holds. It gives it out once."""

    document_id: Filled
