"""Paket kematian: one counter visit for a death deed, the new cards, and everybody who has to know.

An Airflow DAG. An officer sees the papers, the registry makes the deed, the cards follow, then the insurances and the civil
service are told. Deaths are to be reported within 30 days (UU 24/2013 art. 44); a late one is taken all the same. Left out
until there is something to call: signing the deed (a piece of its own), and telling the tax office and banks, whose
connectors have no operation for a death.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Filled
from schemas.identifiers import NIK, NKK
from schemas.privacy import personal
from simpul.workflow import AgencyStep, OfficerStep, Workflow

Paper = Annotated[Filled, personal("general")]
"""A paper's number, or the name of its file."""


class Heir(BaseModel):
    """Who claims what the workers' insurance owes."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    nik: NIK
    name: Annotated[str, personal("general")] = Field(min_length=1, max_length=100)
    relation: Annotated[Literal["spouse", "child", "parent", "sibling", "other"], personal("general")]


class Papers(BaseModel):
    """The papers that the officer looks at."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    report: Paper = Field(description="Form F-2.01")
    death_letter: Paper = Field(description="Number of the letter of the hospital or village head")
    family_card: Paper = Field(description="The family card (KK)")
    identity_card: Paper = Field(description="The identity card (KTP) of who has died")


class DeathForm(BaseModel):
    """What the family fills in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Paket kematian")

    nik: NIK = Field(description="The NIK of who has died.")
    nkk: NKK = Field(description="The family card that they are on.")
    died_on: Annotated[date, personal("general")]
    place: Annotated[str, personal("general")] = Field(min_length=1, max_length=100)
    reporter_nik: NIK = Field(description="The NIK of who reports the death.")
    papers: Papers
    insured: bool = Field(description="Whether they were a member of BPJS Kesehatan.")
    heir: Heir | None = Field(
        description="Who claims the death benefit of BPJS Ketenagakerjaan; null where they were no member."
    )


with Workflow("death", version=1, title="Paket kematian", standard="3 working days", owner="dukcapil", form=DeathForm):
    identity = AgencyStep("identity", "dukcapil.get_person", {"nik": "form.nik"}, title="Data almarhum")
    papers = OfficerStep(
        "papers", "dukcapil", within="1 working day", overdue="escalate", title="Pemeriksaan berkas kematian"
    )
    deed = AgencyStep(
        "deed",
        "dukcapil.register_death",
        {
            "nik": "form.nik",
            "died_on": "form.died_on",
            "place": "form.place",
            "letter_number": "form.papers.death_letter",
            "reporter_nik": "form.reporter_nik",
        },
        title="Akta kematian",
    )
    family_card = AgencyStep("family_card", "dukcapil.issue_family_card", {"nkk": "form.nkk"}, title="Kartu Keluarga")
    spouse_card = AgencyStep(
        "spouse_card",
        "dukcapil.issue_ktp_el",
        {"nik": "deed.spouse_nik", "reason": "=Perubahan status kawin"},
        when="deed.spouse_nik",
        title="KTP-el pasangan",
    )
    insurance = AgencyStep(
        "insurance",
        "bpjs_kesehatan.stop_membership",
        {"nik": "form.nik", "reason": "=death", "on": "form.died_on", "deed_number": "deed.deed_number"},
        when="form.insured",
        title="Penghentian kepesertaan BPJS Kesehatan",
    )
    claim = AgencyStep(
        "claim",
        "bpjs_ketenagakerjaan.file_death_claim",
        {
            "nik": "form.nik",
            "died_on": "form.died_on",
            "deed_number": "deed.deed_number",
            "heir_nik": "form.heir.nik",
            "heir_name": "form.heir.name",
            "relation": "form.heir.relation",
        },
        when="form.heir",
        title="Santunan kematian BPJS Ketenagakerjaan",
    )
    servant = AgencyStep("servant", "bkn.find_civil_servant", {"nik": "form.nik"}, title="Status kepegawaian")
    service_end = AgencyStep(
        "service_end",
        "bkn.report_death",
        {"nip": "servant.nip", "died_on": "form.died_on", "deed_number": "deed.deed_number"},
        when="servant.employed",
        title="Laporan kematian ke BKN",
    )

    identity >> papers >> deed >> [family_card, spouse_card]
    for card in (family_card, spouse_card):
        card >> [insurance, claim, servant]
    servant >> service_end
