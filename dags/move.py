"""Pindah penduduk: a household moves, within its regency or to another one, and its papers follow.

An Airflow DAG. Within the regency only the family card is made anew. To another regency the whole card moves: the origin gives
the letter (SKPWNI), the destination takes the household in, then come the cards of everybody, then the insurance and the tax
office learn the address. Up to four grown-ups and four children; a larger household asks for its other cards at the counter.
Left out: signing the letter and the card, a piece of its own.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Filled
from schemas.identifiers import NIK, NKK
from schemas.privacy import personal
from simpul.workflow import AgencyStep, OfficerStep, Workflow

Paper = Annotated[Filled, personal("general")]
"""A paper's number, or the name of its file."""

Contact = Annotated[str, personal("general", kind="contact"), Field(min_length=1, max_length=100)]
MOST = 4
"""Grown-ups, and children, whose cards are made in one application."""


class NewAddress(BaseModel):
    """Where the household moves to; the codes are the Ministry of Home Affairs'."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    street: Contact
    rt: Annotated[str, personal("general", kind="contact")] = Field(pattern=r"^[0-9]{3}$")
    rw: Annotated[str, personal("general", kind="contact")] = Field(pattern=r"^[0-9]{3}$")
    postal_code: Annotated[str, personal("general", kind="contact")] = Field(pattern=r"^[0-9]{5}$")
    province_code: Annotated[str, personal("general", kind="contact")] = Field(pattern=r"^[0-9]{2}$")
    province: Contact
    regency_code: Annotated[str, personal("general", kind="contact")] = Field(pattern=r"^[0-9]{4}$")
    regency: Contact
    district_code: Annotated[str, personal("general", kind="contact")] = Field(pattern=r"^[0-9]{6}$")
    district: Contact
    village_code: Annotated[str, personal("general", kind="contact")] = Field(pattern=r"^[0-9]{10}$")
    village: Contact


class Papers(BaseModel):
    """The papers that the officer looks at; old cards are handed in when the new ones are fetched."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    report: Paper = Field(description="Form F-1.03")
    family_card: Paper = Field(description="The family card (KK)")


class MoveForm(BaseModel):
    """What the household fills in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Pindah penduduk")

    nkk: NKK = Field(description="The family card of who moves.")
    to: Annotated[Literal["same regency", "another regency"], personal("general")]
    address: NewAddress
    head_nik: NIK = Field(description="The head of the household: the insurance and the tax office change their data.")
    adults: list[NIK] = Field(min_length=1, max_length=MOST, description="Who needs a new KTP-el in another regency.")
    children: list[NIK] = Field(max_length=MOST, description="Who needs a new KIA in another regency.")
    papers: Papers
    insured: bool = Field(description="Whether the head is a member of BPJS Kesehatan.")
    taxpayer: bool = Field(description="Whether the head has an NPWP, which is the NIK.")


AWAY = "form.to == 'another regency'"

with Workflow("move", version=1, title="Pindah penduduk", standard="24 hours", owner="dukcapil", form=MoveForm):
    family = AgencyStep("family", "dukcapil.get_family", {"nkk": "form.nkk"}, title="Data keluarga")
    papers = OfficerStep(
        "papers", "dukcapil", within="4 working hours", overdue="escalate", title="Pemeriksaan berkas pindah"
    )
    card_here = AgencyStep(
        "card_here",
        "dukcapil.issue_family_card",
        {"nkk": "form.nkk", "address": "form.address", "reason": "=Pindah dalam kabupaten/kota"},
        when="form.to == 'same regency'",
        title="Kartu Keluarga dengan alamat baru",
    )
    letter = AgencyStep(
        "letter",
        "dukcapil.move_out",
        {"nkk": "form.nkk", "address": "form.address"},
        when=AWAY,
        title="Surat pindah (SKPWNI)",
    )
    arrival = AgencyStep(
        "arrival",
        "dukcapil.move_in",
        {"letter_number": "letter.letter_number?", "address": "form.address"},
        when=AWAY,
        title="Kedatangan di daerah tujuan",
    )
    card_there = AgencyStep(
        "card_there",
        "dukcapil.issue_family_card",
        {"nkk": "arrival.nkk?", "reason": "=Pindah datang"},
        when=AWAY,
        title="Kartu Keluarga di daerah tujuan",
    )
    adults = AgencyStep(
        "adult",
        "dukcapil.issue_ktp_el",
        {"nik": "item", "reason": "=Pindah datang"},
        for_each="form.adults",
        when=AWAY,
        title="KTP-el anggota",
    )
    children = AgencyStep(
        "child",
        "dukcapil.issue_child_card",
        {"nik": "item"},
        for_each="form.children",
        when=AWAY,
        title="KIA anak",
    )
    insurance = AgencyStep(
        "insurance",
        "bpjs_kesehatan.change_data",
        {"nik": "form.head_nik", "address": "form.address", "nkk": "arrival.nkk?"},
        when=f"{AWAY} and form.insured",
        title="Alamat di BPJS Kesehatan",
    )
    tax = AgencyStep(
        "tax",
        "djp.update_address",
        {
            "npwp": "form.head_nik",
            "street": "form.address.street",
            "village": "form.address.village",
            "district": "form.address.district",
            "regency": "form.address.regency",
            "province": "form.address.province",
            "postal_code": "form.address.postal_code",
            "reason": "=Pindah domisili",
        },
        when=f"{AWAY} and form.taxpayer",
        title="Alamat di Direktorat Jenderal Pajak",
    )

    family >> papers >> [card_here, letter]
    letter >> arrival >> card_there >> (adults + children) >> [insurance, tax]
