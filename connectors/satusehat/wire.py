"""As much of FHIR R4 as SATUSEHAT's answers need here. Unknown elements are let through unread; nothing here judges."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

NIK: Final = "https://fhir.kemkes.go.id/id/nik"
NKK: Final = "https://fhir.kemkes.go.id/id/kk"
IHS: Final = "https://fhir.kemkes.go.id/id/ihs-number"
NAKES: Final = "https://fhir.kemkes.go.id/id/nakes-his-number"
REGISTRATION: Final = "https://fhir.kemkes.go.id/id/str"
ADMINISTRATIVE_CODE: Final = "https://fhir.kemkes.go.id/r4/StructureDefinition/administrativeCode"
LETTER_TYPES: Final = "http://terminology.kemkes.go.id/CodeSystem/surat-keterangan"


class Shape(BaseModel):
    """Common to the shapes: no input in errors."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True, hide_input_in_errors=True
    )


class TokenAnswer(Shape):
    """What the token address answers; seconds come as a string."""

    value: str = Field(alias="access_token", min_length=1)
    seconds: float | None = Field(default=None, alias="expires_in")


class Coding(Shape):
    """A code of a system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(Shape):
    """A CodeableConcept."""

    coding: list[Coding] = []
    text: str | None = None


class Identifier(Shape):
    """A number, by the system that gave it."""

    system: str | None = None
    value: str | None = None


class HumanName(Shape):
    """Whole in `text`, or in parts."""

    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: list[str] = []
    prefix: list[str] = []
    suffix: list[str] = []


class ContactPoint(Shape):
    """A telephone number or the like."""

    system: str | None = None
    value: str | None = None


class Extension(Shape):
    """An extension, which may hold others; codes come as valueCode, by some servers as valueString."""

    url: str
    value_code: str | None = Field(default=None, alias="valueCode")
    value_string: str | None = Field(default=None, alias="valueString")
    extension: list["Extension"] = []


class Address(Shape):
    """An address, its region codes in the extension administrativeCode."""

    use: str | None = None
    line: list[str] = []
    city: str | None = None
    district: str | None = None
    state: str | None = None
    postal_code: str | None = Field(default=None, alias="postalCode")
    extension: list[Extension] = []


class Reference(Shape):
    """A reference to another resource, as `Patient/P0…`."""

    reference: str | None = None
    display: str | None = None


class Resource(Shape):
    """What is common to the resources read here."""

    type: str = Field(alias="resourceType")
    id: str | None = None
    identifier: list[Identifier] = []
    active: bool | None = None


class Qualification(Shape):
    """What a practitioner may do."""

    identifier: list[Identifier] = []
    code: Concept = Concept()


class Human(Resource):
    """A Patient or a Practitioner."""

    name: list[HumanName] = []
    telecom: list[ContactPoint] = []
    gender: str | None = None
    born: str | None = Field(default=None, alias="birthDate")
    address: list[Address] = []
    deceased: bool | None = Field(default=None, alias="deceasedBoolean")
    died: str | None = Field(default=None, alias="deceasedDateTime")
    qualification: list[Qualification] = []


class Attachment(Shape):
    """A document: inside as Base64, or at an address. `hash` is its SHA-1 in Base64."""

    media_type: str | None = Field(default=None, alias="contentType")
    data: str | None = None
    url: str | None = None
    title: str | None = None
    hash: str | None = None


class Content(Shape):
    """One form of a document."""

    attachment: Attachment


class DocumentReference(Resource):
    """A document about a patient."""

    status: str
    date: str | None = None
    subject: Reference = Reference()
    author: list[Reference] = []
    custodian: Reference | None = None
    description: str | None = None
    content: list[Content] = []


class Binary(Resource):
    """A document's bytes."""

    media_type: str = Field(alias="contentType")
    data: str


class Entry(Shape):
    """An entry of a Bundle; its resource is read by whoever knows which it is."""

    resource: dict[str, Any] = {}


class Bundle(Shape):
    """A searchset. Nothing found is `total` 0 without entries."""

    type: str = Field(alias="resourceType", pattern="^Bundle$")
    total: int | None = None
    entry: list[Entry] = []


class Issue(Shape):
    """What is wrong, by a code of FHIR's value set issue-type."""

    severity: str | None = None
    code: str | None = None
    details: Concept = Concept()


class OperationOutcome(Shape):
    """How FHIR says that something is wrong."""

    issue: list[Issue] = []
