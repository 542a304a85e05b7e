"""The catalogue's services as workflows: identity, papers gathered, officer, fee, the agency's calls, document, notice.

For checking, freezing and publishing; Airflow gets them from `simpul.workflow.frozen`.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from airflow.sdk import chain
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, create_model

from schemas.civil import Address
from schemas.civil_service import NIP
from schemas.identifiers import NIB, NIK, NKK, NOP, NPWP
from schemas.privacy import personal
from simpul.workflow import catalogue
from simpul.workflow.catalogue import Agency, Asked, Choice, Loc, Service, Source
from simpul.workflow.checks import WorkflowError
from simpul.workflow.dag import Workflow
from simpul.workflow.paths import choose
from simpul.workflow.steps import AgencyStep, DocumentStep, NotifyStep, OfficerStep, PaymentStep, Step

_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200), personal("general")]
_KINDS: dict[str, Any] = {
    "text": _Text,
    # As long as a bank's virtual account can say what it is for.
    "short": Annotated[str, StringConstraints(min_length=1, max_length=18), personal("general")],
    "phone": Annotated[str, StringConstraints(pattern=r"^[0-9+]{8,16}$"), personal("general", kind="contact")],
    "texts": Annotated[list[_Text], Field(min_length=1, max_length=20)],
    "date": Annotated[date, personal("general")],
    "moment": Annotated[AwareDatetime, personal("general")],
    "number": Annotated[int, Field(ge=0), personal("general")],
    "yes_no": bool,
    "nik": NIK,
    "nkk": NKK,
    "npwp": NPWP,
    "nib": NIB,
    "nop": NOP,
    "nip": NIP,
    "address": Address,
}
_Paper = Annotated[str, StringConstraints(min_length=1, max_length=200), personal("general", kind="document")]


def workflows(file: Path) -> list[Workflow]:
    """The workflows of a file of the catalogue.

    Raises:
        CatalogueError: Something in the file is not as it should be; with its line and field.
    """
    source = Source(file)
    agency = source.read()
    made = []
    for index, service in enumerate(agency.services):
        try:
            made.append(_workflow(agency, service))
        except WorkflowError as error:
            raise source.error([(_where(agency, service, index, str(error)), str(error))]) from error
    return made


def form(agency: Agency, service: Service) -> type[BaseModel]:
    """What an applicant fills in: the NIK, the service's fields, and each paper that is brought, by number or file name."""
    fields: dict[str, Any] = {"nik": (NIK, Field(description="NIK pemohon."))}
    fields |= {name: _form_field(agency.fields[name]) for name in service.fields}
    if brought := agency.brought(service):
        papers: Any = {name: (_Paper, Field(description=paper.title.id)) for name, paper in brought.items()}
        fields["papers"] = (
            create_model("Papers", __config__=_STRICT, **papers),
            Field(description="Nomor atau nama berkas tiap persyaratan."),
        )
    return create_model("Form", __config__=ConfigDict(**_STRICT, title=service.title.id), **fields)


def _form_field(asked: Asked) -> tuple[Any, Any]:
    kind = Literal[asked.choices] if asked.kind == "choice" else _KINDS[asked.kind]
    if asked.required:
        return kind, Field(description=asked.title.id)
    return kind | None, Field(default=None, description=asked.title.id)


def _workflow(agency: Agency, service: Service) -> Workflow:
    with Workflow(
        service.id,
        version=service.version,
        title=service.title.id,
        standard=service.standard,
        owner=agency.agency,
        form=form(agency, service),
        renamed=service.renamed,
    ) as workflow:
        chain(*_steps(agency, service))
    return workflow


def _steps(agency: Agency, service: Service) -> list[Step]:
    steps: list[Step] = [_ask("identity", catalogue.IDENTITY, {"nik": "form.nik"}, "Identitas pemohon")]
    steps += [
        _ask(name, paper.gathered or "", paper.request, paper.title.id)
        for name, paper in agency.gathered(service).items()
    ]
    steps.append(
        OfficerStep(
            name="check",
            group=service.group or agency.group,
            within=service.check or service.standard,
            wants=service.findings,
            title="Pemeriksaan berkas",
        )
    )
    if service.fees[-1]:
        steps += _BILLS[service.collected_by](service)
    steps += [_ask(call.step, call.operation, call.request, call.title) for call in service.calls]
    return [*steps, *_conclusion(agency, service)]


def _conclusion(agency: Agency, service: Service) -> list[Step]:
    """What the citizen gets, in writing, and the word that it is there."""
    result = f"={service.result.id}"
    document = DocumentStep(
        name="document",
        template="certificate",
        values={"name": "identity.name", "what": result},
        issuer=agency.title.id,
        title=service.result.id,
    )
    values = {"document": result, "link": "document.check_url"}
    return [document, NotifyStep(name="notice", template="document_ready", values=values, title="Pemberitahuan")]


def _ask(name: str, operation: str, request: Mapping[str, Any], title: str) -> Step:
    return AgencyStep(name=name, operation=operation, request=request, title=title)


def _state_fee(service: Service) -> list[Step]:
    request = {
        "payer_name": "identity.name",
        "nik": "form.nik",
        "tariff_code": _ruled(service.tariff),
        "amount": _ruled(service.fee),
        "description": f"={service.title.id}",
        "expires_in_minutes": _A_WEEK,
    }
    bill = _ask("bill", "simponi.create_bill", request, "Tagihan PNBP")
    return [bill, PaymentStep(name="payment", bill="bill", title="Pembayaran")]


def _regional_fee(service: Service) -> list[Step]:
    request = {
        "name": "identity.name",
        "amount": _ruled(service.fee),
        # 18 characters at most: SNAP BI's free text.
        "description": "=Retribusi daerah",
        "expires_in_minutes": _A_WEEK,
    }
    bill = _ask("bill", "bank.create_virtual_account", request, "Tagihan retribusi")
    payment = PaymentStep(
        name="payment",
        bill="bill",
        operation="bank.get_payment_status",
        request={"number": "bill.number"},
        reference="bill.number",
        title="Pembayaran",
    )
    return [bill, payment]


_BILLS = {"simponi": _state_fee, "bank": _regional_fee}
_A_WEEK = 7 * 24 * 60


def _ruled(value: Any) -> Any:
    if isinstance(value, Choice):
        return choose(value.by, value.among)
    return f"={value}" if isinstance(value, str) else value


def _where(agency: Agency, service: Service, index: int, problem: str) -> Loc:
    """Where in the file a workflow's error has its cause: the call or the paper whose step it names."""
    at: Loc = ("services", index)
    places: dict[str, tuple[Loc, dict[str, Any]]] = {
        call.step: ((*at, "calls", number), call.request) for number, call in enumerate(service.calls)
    }
    places |= {name: (("papers", name), paper.request) for name, paper in agency.gathered(service).items()}
    for step, (loc, request) in places.items():
        if f"step {step!r}" in problem:
            named = next((name for name in request if f" {name}: " in problem or f"field {name!r}" in problem), None)
            return (*loc, "with", named) if named else loc
    return at
