"""BPJS Kesehatan's own shapes (contract section 4): what is between the headers and `mapping.py`.

Extra fields are let through unread: the agency adds some without notice. Nothing here decrypts or judges.
"""

from typing import Any

from pydantic import AliasChoices, Field

from connectors.toolkit.wire import Shape


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


class ChangedAddress(Shape):
    """`alamat` of a changed member; codes of Kemendagri, each with those above it."""

    street: str | None = Field(default=None, alias="jalan")
    rt: str | None = None
    rw: str | None = None
    province: str | None = Field(default=None, alias="kdPropinsi")
    regency: str | None = Field(default=None, alias="kdKabupaten")
    district: str | None = Field(default=None, alias="kdKecamatan")
    village: str | None = Field(default=None, alias="kdKelurahan")
    postal_code: str | None = Field(default=None, alias="kodePos")


class Change(Shape):
    """`t_peserta` of a change [G]; what does not change is not sent."""

    reference: str = Field(alias="noReferensi")
    nik: str
    care_class: str | None = Field(default=None, alias="kelasRawat")
    facility: str | None = Field(default=None, alias="kdProvider")
    address: ChangedAddress | None = Field(default=None, alias="alamat")
    phone: str | None = Field(default=None, alias="noTelepon")
    nkk: str | None = Field(default=None, alias="noKK")
    user: str


class Stop(Shape):
    """`t_peserta` of a membership that ends [G]."""

    reference: str = Field(alias="noReferensi")
    nik: str
    reason: str = Field(alias="kdAlasan")
    on: str = Field(alias="tglBerhenti")
    deed_number: str | None = Field(default=None, alias="noAktaKematian")
    user: str


class Booking(Shape):
    """One entry of Antrean's `list`. `estimasidilayani` counts milliseconds since 1970, UTC."""

    code: str = Field(alias="kodebooking")
    day: str | None = Field(default=None, alias="tanggal")
    clinic: str | None = Field(default=None, alias="kodepoli")
    doctor: str | None = Field(default=None, alias="kodedokter")
    hours: str | None = Field(default=None, alias="jampraktek")
    nik: str | None = None
    member: str | None = Field(default=None, alias="nokapst")
    number: str | None = Field(default=None, alias="noantrean")
    estimate: int | None = Field(default=None, alias="estimasidilayani")
    status: str | None = None


class Bookings(Shape):
    """The content of Antrean's answer about one booking code."""

    bookings: list[Booking] = Field(alias="list")


def enveloped(content: Newborn | Change | Stop) -> dict[str, Any]:
    """The body of a write: VClaim wraps every one in `request`."""
    return {"request": {"t_peserta": content.model_dump(by_alias=True, exclude_none=True)}}
