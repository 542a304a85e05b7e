"""Peralihan hak atas tanah: taxes checked and paid, the deed made, the change of owner in the land book and in the tax office's.

An Airflow DAG. The transfer tax (BPHTB) is assessed by the by-law's rate, billed by the tax office and paid into a virtual account of
its bank; the NTPD proves the payment. A bill without a tax (nihil) needs no account. Only then may the land deed official (PPAT)
make the deed (UU 1/2022 art. 60).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.identifiers import NIK, NOP
from schemas.land import Title
from schemas.payments import FINANCIAL, Amount
from schemas.privacy import personal
from simpul.workflow import AgencyStep, OfficerStep, PaymentStep, Want, Workflow

_Paper = Annotated[str, Field(min_length=1, max_length=200), personal("general", kind="document")]


class Papers(BaseModel):
    """What seller and buyer bring: the number or the file name of each paper."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    certificate: _Paper
    seller_ktp: _Paper
    seller_kk: _Paper
    buyer_ktp: _Paper
    buyer_kk: _Paper
    pbb_receipt: _Paper = Field(description="Proof that the land and building tax is paid.")


class LandForm(BaseModel):
    """What the PPAT's office or the counter fills in; names come from the civil registry."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Peralihan hak atas tanah")

    nop: NOP = Field(description="Number of the tax object, on the PBB letter.")
    certificate_number: Annotated[Title, Field(max_length=60)]
    seller_nik: NIK
    buyer_nik: NIK
    price: Amount = Field(description="Rupiah.")
    acquisition: Annotated[Literal["sale", "exchange", "grant", "auction", "inheritance", "bequest"], FINANCIAL]
    papers: Papers


TAXED = "bill.status != 'paid'"

with Workflow(
    "land", version=1, title="Peralihan hak atas tanah", standard="5 working days", owner="bpn", form=LandForm
):
    buyer = AgencyStep("buyer", "dukcapil.get_person", {"nik": "form.buyer_nik"}, title="Identitas pembeli")
    pbb = AgencyStep("pbb", "bapenda.get_property_tax", {"nop": "form.nop"}, title="Status PBB")
    certificate = AgencyStep(
        "certificate",
        "bpn.check_certificate",
        {"certificate_number": "form.certificate_number"},
        title="Pengecekan sertipikat",
    )
    clearance = AgencyStep(
        "clearance", "djp.confirm_tax_status", {"npwp": "form.buyer_nik"}, title="Konfirmasi status wajib pajak"
    )
    review = OfficerStep(
        "review",
        "land",
        within="2 working days",
        when="certificate.status != 'active' or certificate.owner_nik != form.seller_nik or clearance.status != 'valid'",
        title="Penelitian sertipikat dan status wajib pajak",
    )
    assessed = AgencyStep(
        "assessed",
        "bapenda.assess_transfer_tax",
        {"nop": "form.nop", "price": "form.price", "acquisition": "form.acquisition"},
        title="Perhitungan BPHTB",
    )
    bill = AgencyStep(
        "bill",
        "bapenda.bill_transfer_tax",
        {
            "nop": "form.nop",
            "buyer_nik": "form.buyer_nik",
            "buyer_name": "buyer.name",
            "value": "assessed.value",
            "amount": "assessed.amount",
            "acquisition": "form.acquisition",
        },
        title="Tagihan BPHTB",
    )
    account = AgencyStep(
        "account",
        "bank.create_virtual_account",
        # It ends before the tax office's bill does, which lives for a day.
        {"name": "buyer.name", "amount": "assessed.amount", "description": "=BPHTB", "expires_in_minutes": 23 * 60},
        when=TAXED,
        title="Rekening pembayaran BPHTB",
    )
    payment = PaymentStep(
        "payment",
        bill="account",
        operation="bank.get_payment_status",
        request={"number": "account.number"},
        reference="account.number",
        when=TAXED,
        title="Pembayaran BPHTB",
    )
    ntpd = AgencyStep(
        "ntpd",
        "bapenda.get_transfer_tax_bill",
        {"nop": "form.nop", "payment_code": "bill.payment_code"},
        accept="record.status == 'paid'",
        expires="bill.expires_at",
        reference="bill.payment_code",
        title="Bukti bayar BPHTB (NTPD)",
    )
    deed = OfficerStep(
        "deed",
        "ppat",
        within="7 working days",
        wants=[
            Want(name="number", title="Nomor akta"),
            Want(name="date", title="Tanggal akta", kind="date"),
            Want(name="notary", title="Nama PPAT"),
        ],
        title="Akta peralihan hak",
    )
    proof = AgencyStep(
        "proof", "bapenda.get_transfer_tax", {"nop": "form.nop", "ntpd": "ntpd.ntpd"}, title="Validasi BPHTB"
    )
    transfer = AgencyStep(
        "transfer",
        "bpn.register_transfer",
        {
            "certificate_number": "form.certificate_number",
            "nop": "form.nop",
            "ntpd": "ntpd.ntpd",
            "deed_number": "deed.findings.number",
            "deed_date": "deed.findings.date",
            "notary_name": "deed.findings.notary",
            "seller_nik": "form.seller_nik",
            "buyer_nik": "form.buyer_nik",
            "buyer_name": "buyer.name",
        },
        title="Pendaftaran peralihan hak",
    )
    progress = AgencyStep(
        "progress",
        "bpn.get_transfer",
        {"registration_number": "transfer.registration_number"},
        title="Pencatatan pada buku tanah",
    )
    entered = OfficerStep(
        "entered",
        "land",
        within="5 working days",
        when="progress.status != 'completed'",
        title="Penyelesaian pada kantor pertanahan",
    )
    renamed = AgencyStep(
        "renamed",
        "bapenda.rename_owner",
        {"nop": "form.nop", "nik": "form.buyer_nik", "name": "buyer.name", "ntpd": "ntpd.ntpd"},
        title="Balik nama PBB",
    )

    [buyer, pbb, certificate, clearance] >> review >> assessed >> bill >> account >> payment >> ntpd
    ntpd >> deed >> proof >> transfer >> progress >> entered >> renamed
