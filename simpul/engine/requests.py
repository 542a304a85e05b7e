"""Building an agency request from a form and earlier records, and sealing it. Pure but for the nonce.

What a step needs is found once per definition: only the records that its paths and conditions name are opened.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Literal

from connectors.catalogue import load as load_catalogue
from schemas.decisions import Answers
from schemas.documents import IssuedDocument
from schemas.envelope import Envelope
from schemas.identifiers import display_number
from schemas.messages import REQUEST, RequestData, record_id, request_id
from simpul import expressions, tracing
from simpul.crypto import DataKey, Keys, check_digest, digest
from simpul.definition import Definition, StepDefinition
from simpul.expressions import ExpressionError
from simpul.ledger.outbox import Due, Issued, Known, Sealed
from simpul.papers import notices, pdf
from simpul.papers.documents import DocumentTemplate
from simpul.papers.notices import NoticeTemplate
from simpul.worktime import Calendar


@dataclass(frozen=True, slots=True)
class Skip:
    """The step's condition is false, or there is nobody to tell."""


@dataclass(frozen=True, slots=True)
class Park:
    """The step waits for a signal about `reference` (blinded) until a moment."""

    until: datetime
    reference: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The step is a task for people, until a moment."""

    kind: str
    group: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Broken:
    """No request can be built; `why` names paths and fields, never values."""

    why: str


@dataclass(frozen=True, slots=True)
class Request:
    """A sealed request, ready for the bus."""

    envelope: Envelope
    operation: str
    purpose: str
    legal_basis: str | None
    digest: str
    until: datetime | None
    reference: str | None


Made = Request | Skip | Park | Ask | Issued | Known | Broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where requests are made: what the outside world sees of it, and by which time it works."""

    source: str
    calendar: Calendar
    public_url: str = ""


def build(due: Due, definition: Definition, keys: Keys, office: Office, *, now: datetime) -> Made:
    """What becomes of an entered step: a request, or why there is none.

    A step that waits for a signal parks when it is entered for the first time; from the second ask on (a signal or
    its deadline called it back) its agency is asked.
    """
    step = definition.by_name[due.step]
    try:
        key = keys.data_key(due.data_key, due.subject)
        scope = _scope(due, definition, step, key)
        if (step.when is not None and not expressions.holds(step.when, scope)) or _nobody_to_tell(due, step):
            return Skip()
        if step.asks_people:
            return _asked(due, step, key, office, now)
        payload = scope["form"][step.name] if step.kind == "compensate" else expressions.build(step.request, scope)
        if isinstance(step.wording, DocumentTemplate):
            return _issued(due, definition, keys, office, payload)
        if step.operation not in _operations():
            raise ExpressionError(f"no connector offers the operation {step.operation}")
        if isinstance(step.wording, NoticeTemplate):
            payload = _notice(step.wording, due, definition, key, payload)
        until = _moment(step, scope)
        refers_to = keys.blind(str(_entered(step.reference, scope))) if step.reference else None
    except ExpressionError as error:
        return Broken(str(error))
    if step.kind == "payment" and due.ask == 1 and until and refers_to and until > now:
        return Park(until, refers_to)
    return _seal(due, step, key, payload, source=office.source, now=now, until=until, reference=refers_to)


def _nobody_to_tell(due: Due, step: StepDefinition) -> bool:
    return step.kind == "notify" and due.contact is None


def _notice(
    template: NoticeTemplate, due: Due, definition: Definition, key: DataKey, values: Mapping[str, Any]
) -> dict[str, Any]:
    contact = json.loads(key.open(due.contact or b"", "contact"))
    return notices.message(template, {**values, **_given(due, definition)}, contact)


def _given(due: Due, definition: Definition) -> dict[str, str]:
    """What every template may say: see `simpul.papers.words.GIVEN`."""
    return {"service": definition.title, "number": display_number(due.number)}


def _asked(due: Due, step: StepDefinition, key: DataKey, office: Office, now: datetime) -> Ask | Known:
    if step.consent in due.consents:
        return _agreed(due, key, now)
    return Ask(step.kind, step.group or step.kind, office.calendar.after(now, step.within) if step.within else None)


def _agreed(due: Due, key: DataKey, now: datetime) -> Known:
    """The citizen agreed when the application was filed."""
    request = request_id(due.subject, due.step, due.revision, due.ask)
    record = Answers(answers={"agreed": True}, at=now)
    return Known(Sealed(request, key.seal(record.model_dump_json().encode(), record_id(request))), record.schema_id())


def _issued(due: Due, definition: Definition, keys: Keys, office: Office, values: Mapping[str, Any]) -> Issued:
    """A step's document. The same step makes the same one: its time is that of its opening, its token is derived."""
    step = definition.by_name[due.step]
    if not isinstance(step.wording, DocumentTemplate) or due.opened_at is None:
        raise ExpressionError("a document has a template, and its step was opened")
    request = request_id(due.subject, due.step, due.revision, due.ask)
    token = keys.blind(f"check:{due.subject}:{due.step}:{due.revision}")
    issued_at = due.opened_at.astimezone(office.calendar.zone)
    place = [each.name for each in definition.steps if each.kind == "document"].index(due.step) + 1
    number = f"{display_number(due.number)}/{place}" + (f".{due.revision}" if due.revision > 1 else "")
    issuer = step.issuer or definition.owner
    link = f"{office.public_url.rstrip('/')}/check/{token}"
    said = {**values, **_given(due, definition)}
    content = pdf.draw(step.wording, said, issuer=issuer, number=number, issued_at=issued_at, link=link)
    record = IssuedDocument(
        number=number,
        title=step.wording.title,
        issuer=issuer,
        template=step.template or "",
        issued_at=issued_at,
        check_url=link,
        sha256=sha256(content).hexdigest(),
        size=len(content),
        content=base64.b64encode(content).decode(),
    )
    sealed = keys.data_key(due.data_key, due.subject).seal(record.model_dump_json().encode(), record_id(request))
    return Issued(Sealed(request, sealed), record.schema_id(), check_digest(token), issued_at)


def plain_request(step: StepDefinition, form: Mapping[str, Any], records: Mapping[str, Any]) -> dict[str, Any] | None:
    """The request that a step would make, in clear; None where it would be skipped or cannot be built.

    For comparing what an amendment changes; never stored or sent.
    """
    return would_ask(step, {"form": form, **records})[1]


def would_ask(
    step: StepDefinition, scope: Mapping[str, Any]
) -> tuple[Literal["asks", "skips", "cannot"], dict[str, Any] | None]:
    """Whether a step would ask, and what, in clear; for comparing, never stored or sent."""
    try:
        if step.when is not None and not expressions.holds(step.when, scope):
            return "skips", None
        return "asks", expressions.build(step.request, scope)
    except ExpressionError:
        return "cannot", None


def open_form(due_form: bytes, form_version: int, key: DataKey) -> Any:
    """A sealed form as JSON."""
    return json.loads(key.open(due_form, f"form:{form_version}"))


def open_record(request: str, record: bytes, key: DataKey) -> Any:
    """A sealed record as JSON."""
    return json.loads(key.open(record, record_id(request)))


_LARGEST = 700 * 1024
"""Of a request in clear; as base64 in its envelope it must stay below what the broker takes, 1 MiB."""


def _seal(
    due: Due,
    step: StepDefinition,
    key: DataKey,
    payload: Mapping[str, Any],
    *,
    source: str,
    now: datetime,
    until: datetime | None,
    reference: str | None,
) -> Request | Broken:
    request = request_id(due.subject, due.step, due.revision, due.ask)
    facts = _operations()[step.operation]
    plain = json.dumps(payload, ensure_ascii=False).encode()
    if len(plain) > _LARGEST:
        return Broken(f"the request would be larger than a message may be ({_LARGEST // 1024} KiB)")
    sealed = key.seal(plain, request)
    data = RequestData(
        operation=step.operation,
        service=due.service,
        version=due.version,
        step=due.step,
        revision=due.revision,
        ask=due.ask,
        reference=our_reference(due.subject, due.step, due.revision),
        purpose=facts["purpose"],
        legal_basis=facts["legal_basis"],
        accept=step.accept,
        payload=base64.b64encode(sealed).decode(),
        look_up=due.look_up,
    )
    envelope = Envelope(
        id=request,
        source=source,
        type=REQUEST,
        subject=due.subject,
        time=now,
        traceparent=tracing.child(due.traceparent),
        datakey=base64.b64encode(due.data_key).decode(),
        data=data.model_dump(mode="json", exclude_none=True),
    )
    return Request(envelope, step.operation, facts["purpose"], facts["legal_basis"], digest(sealed), until, reference)


def our_reference(subject: str, step: str, revision: int) -> str:
    """What an agency knows a call by: 20 upper-case hex digits, the same for every ask of a step's revision."""
    return request_id(subject, step, revision, 0)[:20].upper()


def _scope(due: Due, definition: Definition, step: StepDefinition, key: DataKey) -> dict[str, Any]:
    wanted = _names(definition, step.name)
    scope: dict[str, Any] = {}
    if "form" in wanted:
        scope["form"] = open_form(due.form, due.form_version, key)
    for name in wanted.intersection(due.records):
        sealed = due.records[name]
        scope[name] = open_record(sealed.request_id, sealed.record, key)
    return scope


def _names(definition: Definition, name: str) -> frozenset[str]:
    """What a step's paths and conditions begin at, worked out once: a definition lives as long as the process."""
    known = _NAMES.setdefault(definition.digest, {})
    if name not in known:
        step = definition.by_name[name]
        paths = expressions.roots([*step.request.values(), step.expires, step.reference])
        if step.kind == "compensate":
            # Its request was built when the compensation was filed.
            paths.add("form")
        known[name] = frozenset(paths | (expressions.names(step.when) if step.when else set()))
    return known[name]


_NAMES: dict[str, dict[str, frozenset[str]]] = {}


def _moment(step: StepDefinition, scope: Mapping[str, Any]) -> datetime | None:
    if step.expires is None:
        return None
    try:
        return datetime.fromisoformat(str(_entered(step.expires, scope)))
    except ValueError:
        raise ExpressionError(f"the path {step.expires!r} does not lead to a moment in time") from None


def _entered(path: str, scope: Mapping[str, Any]) -> Any:
    """What a wait goes by; a `?` allows the step that it comes from to be skipped, but then this one is skipped too."""
    return expressions.resolve(path.removesuffix("?"), scope)


@cache
def _operations() -> dict[str, Any]:
    return dict(load_catalogue())
