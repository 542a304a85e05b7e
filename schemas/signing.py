"""Electronic signatures: signed documents, whether somebody may sign, and what a check of signatures says."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Filled, Part, Record
from schemas.documents import Content, Sha256
from schemas.identifiers import NIK
from schemas.privacy import personal

SignerStatus = Literal[
    "ISSUE",
    "EXPIRED",
    "RENEW",
    "WAITING_FOR_VERIFICATION",
    "NEW",
    "NO_CERTIFICATE",
    "NOT_REGISTERED",
    "SUSPEND",
    "REVOKE",
]
"""How a signer's certificate stands, in BSrE's words; only `ISSUE` may sign."""


class SignedDocument(Record):
    """A PDF with its electronic signature in it."""

    schema_name: ClassVar[str] = "signed-document"

    document_id: Filled | None = Field(None, description="The signature service's number of the document")
    signer: Filled | None = Field(None, description="Who signed, by the name in our settings")
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    content: Content
    reference: Filled | None = Field(None, description="Our reference that the signature was asked for with")


class SigningStatus(Record):
    """Whether somebody may sign."""

    schema_name: ClassVar[str] = "signing-status"

    nik: NIK
    status: SignerStatus
    may_sign: bool


class Signature(Part):
    """One signature in a document."""

    field: Filled | None = None
    signer: Annotated[Filled, personal("general")] | None = None
    signed_at: AwareDatetime | None = None
    reason: Filled | None = None
    location: Filled | None = None
    timestamp_authority: Filled | None = None
    intact: bool | None = Field(None, description="Nothing was changed after this signature")
    trusted: bool | None = Field(None, description="The certificate is one the service trusts")


class SignatureCheck(Record):
    """What a check of a signed document says."""

    schema_name: ClassVar[str] = "signature-check"

    valid: bool
    count: Annotated[int, Field(ge=0)]
    summary: Filled | None = None
    notes: Filled | None = None
    document_name: Annotated[Filled, personal("general")] | None = None
    signatures: tuple[Signature, ...] = ()


RECORDS: tuple[type[Record], ...] = (SignedDocument, SigningStatus, SignatureCheck)
