"""Paket kelahiran: one counter visit for a newborn's deed, family card, child card and health insurance.

An Airflow DAG. A run carries a wave of applications; what each of them came to stands in the ledger.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.identifiers import NKK
from schemas.privacy import personal
from simpul.workflow import AgencyStep, Workflow


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


with Workflow("birth", version=1, title="Paket kelahiran", standard="3 working days", owner="dukcapil", form=BirthForm):
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

    parents >> deed >> [family_card, child_card, insurance]
