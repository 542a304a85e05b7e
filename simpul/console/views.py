"""From the ledger's rows to the console's answers. The one place that decides what of a sealed record is shown."""

from datetime import timedelta

from connectors import catalogue
from schemas.identifiers import display_number
from schemas.payments import Bill, VirtualAccount
from simpul import telemetry
from simpul.console import models
from simpul.crypto import CannotDecryptError, Keys, digest
from simpul.ledger.events import ACTIONS, Event
from simpul.ledger.incidents import Incident
from simpul.ledger.queries import Status, StepStatus, Summary
from simpul.ledger.standards import Told

_LOG = telemetry.logger(__name__)


def summary(row: Summary) -> models.ApplicationSummary:
    """An application in a list."""
    return models.ApplicationSummary(
        display=display_number(row.number), **{name: getattr(row, name) for name in Summary.__dataclass_fields__}
    )


def clock(told: Told) -> models.Clock:
    """An application's time against its service standard."""
    standing = told.standing
    return models.Clock(
        standard=told.standard,
        due=standing.due if standing else None,
        used_seconds=_seconds(standing.used) if standing else None,
        allowed_seconds=_seconds(standing.allowed) if standing else None,
        running=not (told.elapsed.closed or told.elapsed.stopped),
        whose=told.elapsed.owner,
        warned_at=told.warned_at,
        breached_at=told.breached_at,
        parts=[
            models.TimeOf(owner=owner, seconds=_seconds(wall), working_seconds=_seconds(worked))
            for owner, (wall, worked) in told.parts.items()
        ],
    )


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())


def status(found: Status, keys: Keys, told: Told | None = None) -> models.ApplicationStatus:
    """Where an application stands. Of its records nothing is opened but the bill that the citizen has to pay."""
    row = found.summary
    return models.ApplicationStatus(
        number=row.number,
        display=display_number(row.number),
        service=row.service,
        version=row.version,
        title=found.definition.title,
        standard=found.definition.standard,
        channel=row.channel,
        state=row.state,
        since=row.since,
        received_at=row.received_at,
        closed_at=row.closed_at,
        pending=found.pending,
        form_version=found.form_version,
        clock=clock(told) if told else None,
        waiting=_waiting(found, keys) if row.state == "waiting" else None,
        steps=[_step(found, step) for step in found.steps],
        incidents=[
            models.Incident(
                kind=incident.kind,
                diagnosis=incident.diagnosis,
                owner=incident.owner,
                agency=incident.agency,
                step=incident.step,
                since=incident.opened_at,
            )
            for incident in found.incidents
        ],
    )


def _step(found: Status, step: StepStatus) -> models.Step:
    spec = found.definition.by_name[step.name]
    record = step.record
    return models.Step(
        name=step.name,
        title=spec.title,
        agency=spec.agency,
        operation=spec.operation,
        revision=step.revision,
        state="closed" if step.outcome else step.state or "not_started",
        outcome=step.outcome,
        opened_at=step.opened_at,
        decided_at=step.decided_at,
        reason=step.reason,
        record=models.RecordSummary(schema_id=record.schema, digest=digest(record.sealed)) if record else None,
    )


def _waiting(found: Status, keys: Keys) -> models.Waiting:
    row = found.summary
    what = row.waiting_for or ""
    return models.Waiting(
        what=what,
        whom="citizen" if what == "payment" else what.removeprefix("agency:").removeprefix("officer:"),
        step=row.waiting_step,
        since=row.since,
        until=row.until,
        bill=_bill(found, keys) if what == "payment" else None,
        missing=list(found.missing) if what == "citizen" else [],
        wants=_wants(found) if what == "citizen" else [],
        consent=_consent(found) if what == "citizen" else None,
    )


def _wants(found: Status) -> list[models.Wanted]:
    spec = found.definition.by_name.get(found.summary.waiting_step or "")
    return [models.Wanted(**want.model_dump()) for want in spec.wants] if spec and spec.kind == "citizen" else []


def _consent(found: Status) -> models.ConsentAsked | None:
    spec = found.definition.by_name.get(found.summary.waiting_step or "")
    if spec is None or spec.consent is None:
        return None
    fetching = found.definition.by_name[spec.consent]
    facts = catalogue.load().get(fetching.operation, {})
    return models.ConsentAsked(
        agency=fetching.agency,
        operation=fetching.operation,
        purpose=facts.get("purpose"),
        legal_basis=facts.get("legal_basis"),
    )


def _bill(found: Status, keys: Keys) -> models.BillToPay | None:
    """The bill that the waiting step refers to: the record of the step in which its `reference` path begins."""
    spec = found.definition.by_name.get(found.summary.waiting_step or "")
    source = (spec.reference or "").partition(".")[0] if spec else ""
    record = next((step.record for step in found.steps if step.name == source), None)
    if record is None or record.schema not in _BILLS:
        return None
    try:
        plain = keys.data_key(found.data_key, found.subject).open(record.sealed, record.aad)
    except CannotDecryptError as error:
        _LOG.error("a bill cannot be shown", application=found.summary.number, error=error)
        return None
    return _BILLS[record.schema](plain)


def _to_treasury(plain: bytes) -> models.BillToPay:
    bill = Bill.from_json(plain)
    return models.BillToPay(
        billing_code=bill.billing_code, amount=bill.amount, currency=bill.currency, expires_at=bill.expires_at
    )


def _to_account(plain: bytes) -> models.BillToPay:
    account = VirtualAccount.from_json(plain)
    return models.BillToPay(
        billing_code=account.number, amount=account.amount, currency=account.currency, expires_at=account.expires_at
    )


_BILLS = {Bill.schema_id(): _to_treasury, VirtualAccount.schema_id(): _to_account}
"""What a payment can be waited for, by the schema of its record."""


def incident(found: Incident) -> models.OpenIncident:
    """An incident in a list."""
    return models.OpenIncident(**{name: getattr(found, name) for name in Incident.__dataclass_fields__})


def event(happened: Event) -> models.TimelineEvent:
    """An event with its meaning in words."""
    shown = {name: getattr(happened, name) for name in models.TimelineEvent.model_fields if name != "meaning"}
    return models.TimelineEvent(meaning=ACTIONS.get(happened.action, happened.action), **shown)
