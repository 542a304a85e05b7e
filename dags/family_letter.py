"""Surat keterangan keluarga: a signed letter that says who belongs to a family, without bringing the family card.

An Airflow DAG. The family is fetched from the registry if the applicant agrees; who does not hands in a copy of the card, and
an officer looks at that instead.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.identifiers import NIK, NKK
from schemas.privacy import personal
from simpul.workflow import DocumentStep, GatherStep, NotifyStep, OfficerStep, SignStep, Workflow


class FamilyLetterForm(BaseModel):
    """What the applicant fills in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Surat keterangan keluarga")

    nik: NIK = Field(description="The applicant's NIK.")
    nkk: NKK = Field(description="The family card that the applicant is on.")
    name: Annotated[str, personal("general")] = Field(min_length=1, max_length=100)


with Workflow(
    "family_letter",
    version=1,
    title="Surat keterangan keluarga",
    standard="1 working day",
    owner="dukcapil",
    form=FamilyLetterForm,
):
    family = GatherStep(
        "family",
        "dukcapil.get_family",
        {"nkk": "form.nkk"},
        instead_of="Kartu Keluarga",
        within="5 working days",
        title="Data keluarga",
    )
    card = OfficerStep(
        "card",
        "dukcapil",
        within="1 working day",
        overdue="escalate",
        when="not family_consent.answers.agreed",
        title="Pemeriksaan Kartu Keluarga",
    )
    letter = DocumentStep(
        "letter",
        "certificate",
        {"name": "form.name", "what": "=Terdaftar sebagai anggota keluarga pada Kartu Keluarga yang bersangkutan"},
        issuer="Dinas Kependudukan dan Pencatatan Sipil",
        title="Surat keterangan keluarga",
    )
    signed = SignStep(
        "signed", "letter", "head-of-dukcapil", reason="Penerbitan surat keterangan", title="Tanda tangan"
    )
    told = NotifyStep(
        "told", "document_ready", {"document": "letter.title", "link": "letter.check_url"}, title="Pemberitahuan"
    )

    family >> card >> letter >> signed >> told
