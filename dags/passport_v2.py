"""Paspor elektronik from application to book: immigration opens it, SIMPONI bills it, biometrics are booked, it is issued.

An Airflow DAG. An unpaid bill lapses after two hours and ends the application. Fees and the two hours are immigration's own
(state revenue, PNBP); the tariff codes are made up until the agreement names them. Version 1 ended with the payment.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.identifiers import NIK
from simpul.workflow import AgencyStep, PaymentStep, Workflow, choose


class PassportForm(BaseModel):
    """What the applicant fills in; the name comes from the civil registry."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Paspor elektronik")

    nik: NIK = Field(description="The applicant's NIK.")
    book: Literal["5 years", "10 years"] = Field(description="How long the passport is to be valid.")


with Workflow(
    "passport", version=2, title="Paspor elektronik", standard="4 working days", owner="imigrasi", form=PassportForm
):
    identity = AgencyStep("identity", "dukcapil.get_person", {"nik": "form.nik"}, title="Identitas pemohon")
    opened = AgencyStep(
        "opened",
        "imigrasi.open_application",
        {"nik": "form.nik", "name": "identity.name", "book": "form.book"},
        title="Permohonan di imigrasi",
    )
    bill = AgencyStep(
        "bill",
        "simponi.create_bill",
        {
            "payer_name": "identity.name",
            "nik": "form.nik",
            "tariff_code": choose("form.book", {"5 years": "EPASPOR5", "10 years": "EPASPOR10"}),
            "amount": choose("form.book", {"5 years": 650_000, "10 years": 950_000}),
            "description": choose(
                "form.book", {"5 years": "Paspor elektronik 5 tahun", "10 years": "Paspor elektronik 10 tahun"}
            ),
            "expires_in_minutes": 120,
        },
        title="Tagihan PNBP",
    )
    payment = PaymentStep("payment", bill="bill", title="Pembayaran")
    biometrics = AgencyStep(
        "biometrics",
        "imigrasi.book_biometrics",
        {"number": "opened.number", "ntpn": "payment.ntpn", "paid_at": "payment.paid_at?"},
        title="Jadwal foto, sidik jari dan wawancara",
    )
    taken = AgencyStep(
        "taken",
        "imigrasi.get_status",
        {"number": "opened.number"},
        accept="record.status == 'biometrics taken'",
        expires="biometrics.expires_at",
        reference="opened.number",
        title="Foto, sidik jari dan wawancara",
    )
    book = AgencyStep("book", "imigrasi.issue_passport", {"number": "opened.number"}, title="Paspor")

    identity >> opened >> bill >> payment >> biometrics >> taken >> book
