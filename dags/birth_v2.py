"""Paket kelahiran, the deed in hand: as version 1, and then an excerpt that is signed, can be checked, and is announced.

An Airflow DAG. Who signs is `head-of-dukcapil` in the settings of the signature connector. The notice goes where the
application's contact says, in its language; where it has none, nobody is told.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.identifiers import NKK
from schemas.privacy import personal
from simpul.workflow import AgencyStep, DocumentStep, NotifyStep, SignStep, Workflow


class Child(BaseModel):
    """The newborn, as written on the birth notice of the midwife or hospital."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, personal("specific", kind="child")] = Field(min_length=1, max_length=100)
    sex: Annotated[Literal["female", "male"], personal("specific", kind="child")]
    birth_date: Annotated[date, personal("specific", kind="child")]
    birth_place: Annotated[str, personal("specific", kind="child")] = Field(min_length=1, max_length=100)


class BirthForm(BaseModel):
    """What the parents fill in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Paket kelahiran")

    nkk: NKK = Field(description="The family card that the child is born into.")
    child: Child
    enrol: bool = Field(description="Whether to enrol the child in BPJS Kesehatan.")


with Workflow("birth", version=2, title="Paket kelahiran", standard="3 working days", owner="dukcapil", form=BirthForm):
    parents = AgencyStep("parents", "dukcapil.get_family", {"nkk": "form.nkk"}, title="Data keluarga")
    deed = AgencyStep(
        "deed", "dukcapil.register_birth", {"child": "form.child", "family": "parents"}, title="Akta kelahiran"
    )
    family_card = AgencyStep("family_card", "dukcapil.issue_family_card", {"nkk": "form.nkk"}, title="Kartu Keluarga")
    child_card = AgencyStep(
        "child_card", "dukcapil.issue_child_card", {"nik": "deed.nik"}, title="Kartu Identitas Anak"
    )
    insurance = AgencyStep(
        "insurance",
        "bpjs_kesehatan.enrol_newborn",
        {
            "nik": "deed.nik",
            "name": "form.child.name",
            "birth_date": "form.child.birth_date",
            "sex": "form.child.sex",
            "nkk": "form.nkk",
        },
        when="form.enrol",
        title="Kepesertaan BPJS Kesehatan",
    )

    excerpt = DocumentStep(
        "excerpt",
        "birth_deed",
        {
            "deed_number": "deed.deed_number",
            "nik": "deed.nik",
            "nkk": "form.nkk",
            "name": "form.child.name",
            "sex": "form.child.sex",
            "birth_place": "form.child.birth_place",
            "birth_date": "form.child.birth_date",
        },
        issuer="Dinas Kependudukan dan Pencatatan Sipil",
        title="Kutipan Akta Kelahiran",
    )
    signed = SignStep(
        "signed",
        "excerpt",
        "head-of-dukcapil",
        reason="Penerbitan kutipan akta kelahiran",
        title="Tanda tangan elektronik",
    )
    told = NotifyStep(
        "told", "document_ready", {"document": "excerpt.title", "link": "excerpt.check_url"}, title="Pemberitahuan"
    )

    parents >> deed >> [family_card, child_card, insurance, excerpt]
    excerpt >> signed >> told
