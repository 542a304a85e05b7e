"""Documents as they travel: bytes in base64, small enough for one message on the bus, and what proves them unchanged."""

from typing import Annotated, ClassVar, Final

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.base import Filled, Record
from schemas.privacy import personal

MAX_CONTENT: Final = 700_000
"""Characters of base64 that a record may hold: sealed, it still fits into a message of 1 MB."""

DOCUMENT = personal("specific", kind="document")
"""What a document says is not known to us, so it counts as the more sensitive."""

Content = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=MAX_CONTENT), DOCUMENT]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Document(Record):
    """A file that somebody published for us."""

    schema_name: ClassVar[str] = "document"

    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    media_type: Filled
    content: Content | None = Field(None, description="Base64; none where it is too large for a message")


class IssuedDocument(Record):
    """A document that we made, with what anybody can check it by."""

    schema_name: ClassVar[str] = "issued-document"

    number: Filled
    title: Filled
    issuer: Filled
    template: Filled
    issued_at: AwareDatetime
    check_url: Filled = Field(description="Public: whoever has it learns title, issuer, day and whether it is valid")
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    content: Content


KEPT: tuple[type[Record], ...] = (IssuedDocument,)
"""Made for a case and kept in it; they travel on no topic."""

RECORDS: tuple[type[Record], ...] = (Document,)
