"""Perizinan berusaha: a business that OSS sends us is checked, registered, inspected and licensed, and OSS is told of each stage.

An Airflow DAG. OSS files the application itself (`receiveNIB`, see connectors/oss/README.md). Its clock is honoured: 41 stops it while the
business has to confirm something, 42 lets it run on, 43 starts it again (44 does the same; nothing public tells them apart).
An inspection that nobody decides on within the standard counts as passed (57, fiktif positif).
"""

from pydantic import ConfigDict, Field

from schemas.business import AreaCode, BusinessFiling, LicenceCode
from schemas.identifiers import NPWP16
from simpul.workflow import AgencyStep, CitizenStep, OfficerStep, Want, Workflow, choose


class BusinessForm(BusinessFiling):
    """What OSS tells of the business and of the licence it asks for; without these three nothing can be answered to OSS."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Perizinan berusaha")

    kd_izin: LicenceCode
    kd_daerah: AreaCode
    npwp: NPWP16 = Field(description="The business's own.")


LICENCE = {
    "nib": "form.nib",
    "oss_id": "form.oss_id",
    "id_izin": "form.id_izin",
    "kd_izin": "form.kd_izin",
}
CONFIRMED = "examined.findings.confirm"

with Workflow(
    "business",
    version=1,
    title="Perizinan berusaha",
    standard="28 working days",
    owner="dpmptsp",
    form=BusinessForm,
    clock={"stopped": "stop", "resumed": "run", "restarted": "restart"},
):
    owner = AgencyStep(
        "owner",
        "dukcapil.get_person",
        {"nik": "form.owner_nik?"},
        when="form.owner_nik is defined",
        title="Identitas penanggung jawab",
    )
    standing = AgencyStep("standing", "oss.check_nib", {"nib": "form.nib"}, title="Keabsahan NIB")
    tax = AgencyStep("tax", "djp.confirm_tax_status", {"npwp": "form.npwp"}, title="Konfirmasi status wajib pajak")
    tax_review = OfficerStep(
        "tax_review",
        "dpmptsp",
        within="3 working days",
        when="tax.status != 'valid'",
        title="Penelitian status wajib pajak",
    )
    papers = CitizenStep(
        "papers",
        [
            Want(name="ktp", title="KTP penanggung jawab", kind="paper"),
            Want(name="npwp", title="NPWP badan usaha", kind="paper"),
            Want(name="deed", title="Akta pendirian badan usaha", kind="paper"),
        ],
        within="14 days",
        title="Berkas persyaratan",
    )
    permit = AgencyStep(
        "permit",
        "dpmptsp.register_permit",
        {
            "kind": "=pbg",
            "nib": "form.nib",
            "holder_nik": "form.owner_nik?",
            "holder_name": "form.owner_name?",
            "description": "form.name",
        },
        title="Pendaftaran persetujuan bangunan gedung",
    )
    employer = AgencyStep(
        "employer",
        "bpjs_ketenagakerjaan.register_employer",
        {"nib": "form.nib", "npwp": "form.npwp", "name": "form.name"},
        title="Kepesertaan BPJS Ketenagakerjaan",
    )
    validation = AgencyStep(
        "validation", "oss.send_licence_status", {**LICENCE, "status": "=20"}, title="Validasi dilaporkan ke OSS"
    )
    examined = OfficerStep(
        "examined",
        "dpmptsp",
        within="3 working days",
        wants=[Want(name="confirm", title="Perlu konfirmasi pelaku usaha (jangka waktu berhenti)", kind="yes_no")],
        title="Pemeriksaan berkas",
    )
    stopped = AgencyStep(
        "stopped",
        "oss.send_licence_status",
        {**LICENCE, "status": "=41"},
        when=CONFIRMED,
        title="Jangka waktu berhenti, dilaporkan ke OSS",
    )
    confirmation = CitizenStep(
        "confirmation",
        [Want(name="answer", title="Konfirmasi atas pertanyaan petugas")],
        within="30 days",
        when=CONFIRMED,
        title="Konfirmasi pelaku usaha",
    )
    weighed = OfficerStep(
        "weighed",
        "dpmptsp",
        within="3 working days",
        wants=[Want(name="reset", title="Jangka waktu diulang dari awal", kind="yes_no")],
        when=CONFIRMED,
        title="Penelitian konfirmasi",
    )
    resumed = AgencyStep(
        "resumed",
        "oss.send_licence_status",
        {**LICENCE, "status": "=42"},
        when="weighed is defined and not weighed.findings.reset",
        title="Jangka waktu berjalan kembali, dilaporkan ke OSS",
    )
    restarted = AgencyStep(
        "restarted",
        "oss.send_licence_status",
        {**LICENCE, "status": "=43"},
        when="weighed is defined and weighed.findings.reset",
        title="Jangka waktu diulang, dilaporkan ke OSS",
    )
    inspecting = AgencyStep(
        "inspecting",
        "oss.send_licence_status",
        {**LICENCE, "status": "=40"},
        title="Pemeriksaan lapangan dilaporkan ke OSS",
    )
    survey = AgencyStep(
        "survey", "dpmptsp.inspection_result", {"registration": "permit.registration"}, title="Hasil pemeriksaan teknis"
    )
    inspection = OfficerStep(
        "inspection",
        "inspectors",
        within="28 working days",
        overdue="approve",
        wants=[
            Want(name="visited", title="Tanggal pemeriksaan", kind="date"),
            Want(name="result", title="Hasil pemeriksaan"),
        ],
        title="Pemeriksaan lapangan",
    )
    issued = AgencyStep(
        "issued", "dpmptsp.issue_permit", {"registration": "permit.registration"}, title="Penerbitan izin"
    )
    approval = AgencyStep(
        "approval",
        "oss.send_licence_status",
        {**LICENCE, "status": choose("inspection.decision", {"approved": "50", "deemed": "57"})},
        title="Persetujuan dilaporkan ke OSS",
    )
    licence = AgencyStep(
        "licence",
        "oss.send_licence",
        {
            **LICENCE,
            "kd_daerah": "form.kd_daerah",
            "number": "issued.number",
            "status": choose("inspection.decision", {"approved": "50", "deemed": "57"}),
            "issued_on": "issued.issued_on",
            "valid_until": "issued.valid_until?",
        },
        title="Izin dikirim ke OSS",
    )

    [owner, standing, tax] >> tax_review >> papers >> permit >> [employer, validation]
    validation >> examined >> stopped >> confirmation >> weighed >> [resumed, restarted] >> inspecting
    inspecting >> survey >> inspection >> issued >> approval >> licence
    employer >> inspection
