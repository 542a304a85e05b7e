"""Paspor elektronik: identity, bill, payment. An unpaid bill lapses after two hours and ends the application.

An Airflow DAG. Issuance follows when immigration is connected; until then an application is complete once its payment
is confirmed with an NTPN, the receipt number of the state treasury. Fees and the two hours are immigration's own
(state revenue, PNBP); the tariff codes are made up until the agreement names them.
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
    "passport", version=1, title="Paspor elektronik", standard="4 working days", owner="imigrasi", form=PassportForm
):
    identity = AgencyStep("identity", "dukcapil.get_person", {"nik": "form.nik"}, title="Identitas pemohon")
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

    identity >> bill >> payment
