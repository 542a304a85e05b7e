"""Pernikahan: from the registration at the KUA to the couple's new cards.

An Airflow DAG. Both civil states and health letters are looked up, the intent is registered ten working days ahead (or with a
dispensation), an officer of the KUA sees the papers within 15 working days or it lapses (PMA 20/2019), a ceremony outside the
office or its hours is paid for (Rp600,000, the KUA's own word decides), the officer enters the day on which it was held, the
KUA makes the book, and the registry and the insurance follow. The standard counts from the ceremony. Left out: signing
documents, a piece of its own.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.base import Filled
from schemas.identifiers import NIK, NKK
from schemas.privacy import personal
from simpul.workflow import AgencyStep, OfficerStep, PaymentStep, Want, Workflow

Paper = Annotated[Filled, personal("general")]
"""A paper's number, or the name of its file."""

Name = Annotated[str, personal("general"), Field(min_length=1, max_length=100)]


class Papers(BaseModel):
    """The papers that the officer looks at, beside the forms N1 to N5."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    identity_cards: Paper = Field(description="Both identity cards (KTP)")
    family_cards: Paper = Field(description="Both family cards (KK)")
    birth_deeds: Paper = Field(description="Both birth deeds")


class MarriageForm(BaseModel):
    """What the couple fills in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Pernikahan")

    husband_nik: NIK
    wife_nik: NIK
    nkk: NKK = Field(description="The family card that is made anew for the couple.")
    ceremony_at: Annotated[AwareDatetime, personal("general")]
    office: Name = Field(description="The KUA of the subdistrict that holds the ceremony.")
    venue: Annotated[Literal["office", "outside"], personal("general")]
    address: Annotated[Filled, personal("general", kind="contact")] | None = Field(
        None, description="Where the ceremony is held, outside the office."
    )
    guardian_name: Name | None = Field(None, description="The bride's guardian (wali).")
    witnesses: list[Name] = Field(min_length=2, max_length=2)
    dowry: Name | None = Field(None, description="Mahar, as it is to stand in the book.")
    forms: list[Annotated[Literal["N1", "N2", "N3", "N4", "N5"], personal("general")]] = Field(
        min_length=1, description="N1, N2, N3 or N4, and N5 for who is under 21."
    )
    dispensation_number: Paper | None = Field(None, description="For less than ten working days ahead.")
    papers: Papers
    insured: Annotated[Literal["both", "husband", "wife", "neither"], personal("general")] = Field(
        description="Who of them is a member of BPJS Kesehatan."
    )


FEE_DUE = "(verified.fee or 0) | float > 0"

with Workflow("marriage", version=1, title="Pernikahan", standard="7 days", owner="simkah", form=MarriageForm):
    found = [
        AgencyStep("husband", "dukcapil.get_person", {"nik": "form.husband_nik"}, title="Status calon suami"),
        AgencyStep("wife", "dukcapil.get_person", {"nik": "form.wife_nik"}, title="Status calon istri"),
        AgencyStep(
            "husband_health",
            "satusehat.get_health_letter",
            {"nik": "form.husband_nik", "kind": "=premarital"},
            title="Surat sehat calon suami",
        ),
        AgencyStep(
            "wife_health",
            "satusehat.get_health_letter",
            {"nik": "form.wife_nik", "kind": "=premarital"},
            title="Surat sehat calon istri",
        ),
    ]
    intent = AgencyStep(
        "intent",
        "simkah.register_intent",
        {
            "husband_nik": "form.husband_nik",
            "wife_nik": "form.wife_nik",
            "ceremony_at": "form.ceremony_at",
            "office": "form.office",
            "venue": "form.venue",
            "address": "form.address?",
            "guardian_name": "form.guardian_name?",
            "forms": "form.forms",
            "dispensation_number": "form.dispensation_number?",
        },
        title="Pendaftaran kehendak nikah",
    )
    papers = OfficerStep("papers", "kua", within="15 working days", overdue="lapse", title="Pemeriksaan berkas nikah")
    verified = AgencyStep(
        "verified",
        "simkah.verify_intent",
        {"registration_number": "intent.registration_number"},
        title="Verifikasi di KUA",
    )
    bill = AgencyStep(
        "bill",
        "simponi.create_bill",
        {
            "payer_name": "husband.name",
            "nik": "form.husband_nik",
            "tariff_code": "=NIKAHLUAR",
            "amount": "verified.fee",
            "description": "=Nikah di luar kantor atau jam kerja KUA",
            "expires_in_minutes": 7 * 24 * 60,
        },
        when=FEE_DUE,
        title="Tagihan PNBP nikah",
    )
    payment = PaymentStep(
        "payment",
        bill="bill",
        request={"billing_code": "bill.billing_code?"},
        expires="bill.expires_at?",
        reference="bill.billing_code?",
        when=FEE_DUE,
        title="Pembayaran",
    )
    ceremony = OfficerStep(
        "ceremony",
        "kua",
        within="90 days",
        overdue="escalate",
        wants=[Want(name="held_on", title="Tanggal akad dilaksanakan", kind="date")],
        title="Pelaksanaan akad nikah",
    )
    book = AgencyStep(
        "book",
        "simkah.record_ceremony",
        {
            "registration_number": "intent.registration_number",
            "held_on": "ceremony.findings.held_on",
            "witnesses": "form.witnesses",
            "dowry": "form.dowry?",
            "ntpn": "payment.ntpn?",
        },
        title="Buku nikah",
    )
    registered = AgencyStep(
        "registered",
        "dukcapil.register_marriage",
        {
            "husband_nik": "form.husband_nik",
            "wife_nik": "form.wife_nik",
            "married_on": "ceremony.findings.held_on",
            "place": "form.office",
            "book_number": "book.number",
        },
        title="Pencatatan perkawinan",
    )
    cards = [
        AgencyStep("family_card", "dukcapil.issue_family_card", {"nkk": "form.nkk"}, title="Kartu Keluarga"),
        *(
            AgencyStep(
                f"{spouse}_card",
                "dukcapil.issue_ktp_el",
                {"nik": f"form.{spouse}_nik", "reason": "=Perubahan status kawin"},
                title=title,
            )
            for spouse, title in (("husband", "KTP-el suami"), ("wife", "KTP-el istri"))
        ),
    ]
    insurances = [
        AgencyStep(
            f"{spouse}_insurance",
            "bpjs_kesehatan.change_data",
            {"nik": f"form.{spouse}_nik", "nkk": "form.nkk"},
            when=f"form.insured in ('both', '{spouse}')",
            title=title,
        )
        for spouse, title in (("husband", "BPJS Kesehatan suami"), ("wife", "BPJS Kesehatan istri"))
    ]

    found >> intent >> papers >> verified >> bill >> payment >> ceremony >> book >> registered >> cards
    for card in cards:
        card >> insurances
