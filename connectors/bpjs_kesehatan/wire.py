"""BPJS Kesehatan's own shapes (contract section 4): what is between the headers and `mapping.py`.

Extra fields are let through unread: the agency adds some without notice. Nothing here decrypts or judges.
"""

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Common to the agency's shapes. Codes arrive as strings from one of its services and as numbers from another."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True, hide_input_in_errors=True
    )


class MetaData(Shape):
    """The verdict. The HTTP status says nothing: errors come as 200."""

    code: str
    message: str = ""


class Answer(Shape):
    """The envelope: `metaData` in VClaim, `metadata` in Antrean; `response` is cipher text, plain JSON or null."""

    meta: MetaData = Field(validation_alias=AliasChoices("metaData", "metadata"))
    response: Any = None


class Coded(Shape):
    """A code with its wording."""

    code: str | None = Field(default=None, alias="kode")
    wording: str | None = Field(default=None, alias="keterangan")


class Provider(Shape):
    """The first-level facility that the member is registered with."""

    code: str | None = Field(default=None, alias="kdProvider")
    name: str | None = Field(default=None, alias="nmProvider")


class Member(Shape):
    """`peserta`. Dates are `yyyy-MM-dd`, an empty string or null."""

    number: str = Field(alias="noKartu")
    nik: str | None = None
    name: str = Field(alias="nama")
    sex: str | None = None
    birth_date: str | None = Field(default=None, alias="tglLahir")
    valid_from: str | None = Field(default=None, alias="tglTMT")
    valid_until: str | None = Field(default=None, alias="tglTAT")
    status: Coded = Field(alias="statusPeserta")
    care_class: Coded = Field(default_factory=Coded, alias="hakKelas")
    kind: Coded = Field(default_factory=Coded, alias="jenisPeserta")
    provider: Provider = Field(default_factory=Provider, alias="provUmum")


class Membership(Shape):
    """The decrypted `response` of every call about one member."""

    member: Member = Field(alias="peserta")


class Newborn(Shape):
    """`t_peserta`, the invented write [G], in the style of VClaim's `t_sep`."""

    reference: str = Field(alias="noReferensi")
    nik: str
    name: str = Field(alias="nama")
    birth_date: str = Field(alias="tglLahir")
    sex: str
    nkk: str = Field(alias="noKK")
    user: str


def enrolment(newborn: Newborn) -> dict[str, Any]:
    """The body of the write: VClaim wraps every write in `request`."""
    return {"request": {"t_peserta": newborn.model_dump(by_alias=True)}}
