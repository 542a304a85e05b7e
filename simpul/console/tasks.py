"""Routes on tasks: what officers have to decide and citizens to answer, and their answers."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from schemas.decisions import Answers, Decision, Supplement
from schemas.identifiers import ApplicationNumber, display_number
from schemas.messages import Reason, record_id, request_id
from schemas.text import Text
from simpul.console import models, wants
from simpul.console.applications import Body, Changing, Here, Number, must_be_allowed, read_body, takes
from simpul.console.auth import may_decide
from simpul.console.context import Context
from simpul.console.problems import FieldProblem, Problem, invalid
from simpul.crypto import DataKey
from simpul.definition import StepDefinition
from simpul.ledger import Connection, definitions, events, intake, queries, tasks, transaction
from simpul.ledger.api_keys import ApiKey
from simpul.ledger.events import Event
from simpul.ledger.tasks import NoSuchTaskError, Sealed, Task

router = APIRouter(prefix="/v1", tags=["tasks"])

Deciding = Annotated[ApiKey, Depends(may_decide)]
StepName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]*$")]


@router.get("/tasks")
def list_tasks(
    here: Here,
    key: Deciding,
    group: Annotated[str | None, Query(max_length=64, description="Only this group's")] = None,
    after: Annotated[ApplicationNumber | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> models.TaskPage:
    """What officers have to decide: the vulnerable first, then what is due first."""
    groups = _groups(key, group)
    with transaction(here.engine) as connection:
        found = tasks.listing(connection, groups=groups, after=after or "", limit=limit)
        shown = [_summary(connection, task) for task in found]
    return models.TaskPage(tasks=shown, next=found[-1].application if len(found) == limit else None)


@router.get("/tasks/{number}/{step}", responses={404: {"description": "Nobody is asked anything there"}})
def show_task(here: Here, key: Deciding, number: Number, step: StepName, by: models.PersonName) -> models.TaskDetail:
    """A task with the application's form and records, in clear: who looks is an event."""
    with transaction(here.engine) as connection:
        task = _task(connection, key, number, step)
        found = queries.status(connection, number)
        form = queries.form(connection, number)
        looked = Event(
            at=here.clock.now(),
            actor=key.name,
            action="task.viewed",
            application=number,
            service=task.service,
            step=step,
            revision=task.revision,
            purpose="decision",
            detail={"by": by},
        )
        events.record(connection, [looked])
        spec = _spec(connection, task)
        summary = _summary(connection, task)
    data_key = here.keys.data_key(task.data_key, task.subject)
    records = {
        each.name: json.loads(data_key.open(each.record.sealed, each.record.aad))
        for each in (found.steps if found else [])
        if each.record is not None
    }
    content = _opened(task, data_key)
    return models.TaskDetail(
        **summary.model_dump(),
        wants=[models.Wanted(**want.model_dump()) for want in spec.wants],
        form=json.loads(data_key.open(form.sealed, form.aad)) if form else {},
        records=records,
        vulnerable=data_key.open(task.ground, "ground").decode() if task.ground else None,
        supplements=content.get("supplements", []),
        entered=content.get("findings", {}),
    )


@router.post(
    "/tasks/{number}/{step}/decision",
    responses={
        404: {"description": "Nobody is asked anything there, or somebody has answered"},
        409: {"description": "It waits for the citizen, or four eyes are two people"},
    },
    openapi_extra=takes(models.NewDecision),
)
def decide(here: Here, key: Deciding, number: Number, step: StepName, raw: Body) -> models.Decided:
    """Approve, reject with a reason, or return to the citizen with what is missing."""
    new = read_body(models.NewDecision, raw)
    now = here.clock.now()
    with transaction(here.engine) as connection:
        task = _task(connection, key, number, step)
        spec = _spec(connection, task)
        if task.state == "returned":
            raise Problem(409, "waits-for-citizen", "It was sent back: the citizen has to answer first.")
        if found := _problems(new, spec, confirming=task.first_by is not None):
            raise invalid(found)
        state = _DECIDE[new.decision](_Turn(here, connection, task, spec, key.name, now), new)
    return models.Decided(number=number, step=step, state=state)


@router.post(
    "/applications/{number}/answers",
    responses={
        404: {"description": "No such application, or the citizen is not asked anything"},
        403: {"description": "It was filed with another key, and this one lacks the scope `manage`"},
    },
    openapi_extra=takes(models.NewAnswers),
)
def answer(here: Here, key: Changing, number: Number, raw: Body) -> models.Decided:
    """What the citizen was asked for, or what an officer found missing."""
    must_be_allowed(here, key, number)
    new = read_body(models.NewAnswers, raw)
    now = here.clock.now()
    with transaction(here.engine) as connection:
        try:
            task = tasks.find(connection, number, new.step)
        except NoSuchTaskError:
            raise _nothing_asked() from None
        turn = _Turn(here, connection, task, _spec(connection, task), key.name, now)
        if task.state == "returned":
            state = _supply(turn, new)
        elif task.kind == "citizen":
            state = _answer(turn, new)
        else:
            raise Problem(409, "waits-for-officer", "An officer has to decide; the citizen is not asked anything.")
    return models.Decided(number=number, step=new.step, state=state)


@router.get(
    "/gathered/{number}",
    responses={403: {"description": "It was filed with another key, and this one lacks the scope `manage`"}},
)
def gathered(here: Here, key: Changing, number: Number) -> models.AllGathered:
    """What was fetched with the citizen's consent, in clear, for the citizen to look at. That it was shown is an event."""
    must_be_allowed(here, key, number)
    with transaction(here.engine) as connection:
        found = queries.status(connection, number)
        if found is None:
            raise _nothing_asked()
        fetched = [
            (each, each.record)
            for each in found.steps
            if each.record is not None and each.name in found.definition.consents
        ]
        viewed = Event(
            at=here.clock.now(),
            actor=key.name,
            action="record.viewed",
            application=number,
            service=found.summary.service,
            purpose="preview for the citizen",
            detail={"steps": [each.name for each, _ in fetched]},
        )
        events.record(connection, [viewed])
    data_key = here.keys.data_key(found.data_key, found.subject)
    specs = found.definition.by_name
    return models.AllGathered(
        gathered=[
            models.Gathered(
                step=each.name,
                title=specs[each.name].title,
                operation=specs[each.name].operation,
                instead=specs[found.definition.consents[each.name]].wants[0].title,
                record=json.loads(data_key.open(record.sealed, record.aad)),
            )
            for each, record in fetched
        ]
    )


@dataclass(frozen=True, slots=True)
class _Turn:
    """What an answer is about, who gives it, and when."""

    here: Context
    connection: Connection
    task: Task
    spec: StepDefinition
    actor: str
    now: datetime


def _approve(turn: _Turn, new: models.NewDecision) -> str:
    key = turn.here.keys.data_key(turn.task.data_key, turn.task.subject)
    content = _opened(turn.task, key)
    # Who confirms says so to what the first one entered.
    findings = new.findings or content.get("findings", {})
    note = new.note or content.get("note")
    if turn.spec.four_eyes and turn.task.first_by is None:
        sealed = _seal(turn.task, key, {**content, "findings": findings, "note": note})
        tasks.wait_for_second(turn.connection, turn.task, sealed, actor=turn.actor, by=new.by, now=turn.now)
        return "waiting"
    if turn.spec.four_eyes and turn.task.first_by == new.by:
        raise Problem(409, "four-eyes", "Who decided first may not confirm: another officer has to.")
    record = Decision(
        decision="approved",
        at=turn.now,
        by=turn.task.first_by or new.by,
        second_by=new.by if turn.task.first_by else None,
        note=note,
        findings=findings,
        supplements=tuple(Supplement.model_validate(each) for each in content.get("supplements", [])),
    )
    return tasks.approve(
        turn.connection, turn.task, _record(turn.task, key, record), actor=turn.actor, by=new.by, now=turn.now
    )


def _reject(turn: _Turn, new: models.NewDecision) -> str:
    reason = Reason(code="OFFICER", text=new.reason or _REQUIRED).model_dump(mode="json")
    return tasks.reject(turn.connection, turn.task, reason, actor=turn.actor, by=new.by, now=turn.now)


def _return(turn: _Turn, new: models.NewDecision) -> str:
    until = turn.here.settings.calendar.after(turn.now, turn.spec.within) if turn.spec.within else None
    tasks.return_to_citizen(
        turn.connection, turn.task, new.missing, until=until, actor=turn.actor, by=new.by, now=turn.now
    )
    return "waiting"


_DECIDE = {"approve": _approve, "reject": _reject, "return": _return}


def _supply(turn: _Turn, new: models.NewAnswers) -> str:
    if found := wants.supplied(new.answers, "answers"):
        raise invalid(found)
    key = turn.here.keys.data_key(turn.task.data_key, turn.task.subject)
    content = _opened(turn.task, key)
    brought = Supplement(asked=turn.task.asked, given=new.answers, at=turn.now).model_dump(mode="json")
    sealed = _seal(turn.task, key, {**content, "supplements": [*content.get("supplements", []), brought]})
    until = turn.here.settings.calendar.after(turn.now, turn.spec.within) if turn.spec.within else None
    tasks.supply(turn.connection, turn.task, sealed, until=until, actor=turn.actor, now=turn.now)
    return "waiting"


def _answer(turn: _Turn, new: models.NewAnswers) -> str:
    if found := wants.problems(turn.spec.wants, new.answers, "answers"):
        raise invalid(found)
    if turn.spec.consent:
        _consent(turn, new)
    key = turn.here.keys.data_key(turn.task.data_key, turn.task.subject)
    record = Answers(answers=dict(new.answers), at=turn.now, by=new.by)
    return tasks.approve(
        turn.connection,
        turn.task,
        _record(turn.task, key, record),
        actor=turn.actor,
        by=new.by or "citizen",
        now=turn.now,
    )


def _consent(turn: _Turn, new: models.NewAnswers) -> None:
    """Who does not agree brings the paper; either is an event."""
    agreed = new.answers["agreed"]
    if not agreed and new.answers.get("paper") is None:
        raise invalid([FieldProblem("/answers/paper", _REQUIRED)])
    spec = definitions.definition(turn.connection, turn.task.service, turn.task.version)
    said = intake.consent(
        spec, turn.task.step, number=turn.task.application, agreed=agreed, actor=turn.actor, at=turn.now
    )
    events.record(turn.connection, [said])


_REQUIRED = Text(id="wajib diisi", en="is required")


def _problems(new: models.NewDecision, spec: StepDefinition, *, confirming: bool) -> list[FieldProblem]:
    if new.decision == "reject" and new.reason is None:
        return [FieldProblem("/reason", _REQUIRED)]
    if new.decision == "return" and not new.missing:
        return [FieldProblem("/missing", _REQUIRED)]
    # Who confirms may say again what was entered, or nothing.
    entered = new.decision == "approve" and not (confirming and not new.findings)
    return wants.problems(spec.wants, new.findings, "findings") if entered else []


def _task(connection: Connection, key: ApiKey, number: str, step: str) -> Task:
    try:
        task = tasks.find(connection, number, step)
    except NoSuchTaskError:
        raise _nothing_asked() from None
    groups = key.groups
    if task.kind != "officer" or (groups is not None and task.group not in groups):
        # Whether there is such a task is not for other groups to know.
        raise _nothing_asked()
    return task


def _nothing_asked() -> Problem:
    return Problem(404, "no-task", "Nobody is asked anything there: look at the application's status.")


def _groups(key: ApiKey, group: str | None) -> list[str] | None:
    allowed = key.groups
    if group is None:
        return None if allowed is None else list(allowed)
    if allowed is not None and group not in allowed:
        raise Problem(403, "scope", "This key does not decide for that group.")
    return [group]


def _spec(connection: Connection, task: Task) -> StepDefinition:
    return definitions.definition(connection, task.service, task.version).by_name[task.step]


def _summary(connection: Connection, task: Task) -> models.TaskSummary:
    definition = definitions.definition(connection, task.service, task.version)
    return models.TaskSummary(
        number=task.application,
        display=display_number(task.application),
        service=task.service,
        service_title=definition.title,
        step=task.step,
        title=definition.by_name[task.step].title,
        group=task.group,
        state=task.state,
        channel=task.channel,
        priority=task.priority,
        opened_at=task.opened_at,
        until=task.until,
        escalated_at=task.escalated_at,
        first_by=task.first_by,
    )


def _opened(task: Task, key: DataKey) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(key.open(task.content, tasks.content_aad(task))) if task.content else {}
    return found


def _seal(task: Task, key: DataKey, content: dict[str, Any]) -> bytes:
    return key.seal(json.dumps(content, ensure_ascii=False).encode(), tasks.content_aad(task))


def _record(task: Task, key: DataKey, record: Decision | Answers) -> Sealed:
    request = request_id(task.subject, task.step, task.revision, task.ask)
    return Sealed(request, record.schema_id(), key.seal(record.model_dump_json().encode(), record_id(request)))
