"""BPJS Ketenagakerjaan's own shapes [G]: what zeep gives. The elements themselves are in `BPJSTK_Service.wsdl`."""

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Common to the agency's shapes: extra fields are let through unread, no input in errors."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True, hide_input_in_errors=True
    )


class Employer(Shape):
    """`Perusahaan`: a registered business."""

    number: str | None = Field(default=None, alias="NPP")
    registered: str | None = Field(default=None, alias="TanggalDaftar")
    status: str | None = Field(default=None, alias="StatusPerusahaan")


class Member(Shape):
    """`Peserta`: a worker's membership. `Program` holds programmes with commas between them."""

    number: str | None = Field(default=None, alias="KPJ")
    nik: str | None = Field(default=None, alias="NIK")
    name: str | None = Field(default=None, alias="Nama")
    employer_number: str | None = Field(default=None, alias="NPP")
    employer_name: str | None = Field(default=None, alias="NamaPerusahaan")
    programmes: str | None = Field(default=None, alias="Program")
    wage: str | None = Field(default=None, alias="Upah")
    valid_from: str | None = Field(default=None, alias="TanggalMulai")
    status: str | None = Field(default=None, alias="StatusPeserta")


class Claim(Shape):
    """`Klaim`: a claim after a death."""

    number: str | None = Field(default=None, alias="NomorKlaim")
    nik: str | None = Field(default=None, alias="NIK")
    membership_number: str | None = Field(default=None, alias="KPJ")
    heir_nik: str | None = Field(default=None, alias="NIKAhliWaris")
    filed: str | None = Field(default=None, alias="TanggalKlaim")
    status: str | None = Field(default=None, alias="StatusKlaim")
    amount: str | None = Field(default=None, alias="Santunan")


class Answer(Shape):
    """Every answer: a code, and what it is about."""

    code: str = Field(alias="KodeRespon")
    message: str | None = Field(default=None, alias="Pesan")
    reference: str | None = Field(default=None, alias="NoReferensi")
    employer: Employer | None = Field(default=None, alias="Perusahaan")
    member: Member | None = Field(default=None, alias="Peserta")
    claim: Claim | None = Field(default=None, alias="Klaim")
