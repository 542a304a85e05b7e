"""What going over to another version comes to for one application: which outcomes stand, which steps start afresh, what blocks.

Nothing is sent from here. The rules are those of an amendment: a step that would ask something else starts afresh, and so does
what follows it; on top of them, no write that took effect is sent again without force.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from connectors import catalogue
from simpul import expressions
from simpul.clock import Clock
from simpul.console.forms import Form
from simpul.crypto import DataKey, Keys
from simpul.definition import Definition, StepDefinition
from simpul.engine.requests import open_form, open_record, would_ask
from simpul.expressions import ExpressionError
from simpul.ledger import Database, transaction, versions
from simpul.ledger.reruns import Again
from simpul.ledger.versions import CannotMigrateError, Held, Plan, Wish


class Migrator:
    """Works out what going over comes to, and lets applications go over, each in a transaction of its own."""

    def __init__(self, database: Database, keys: Keys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    def plan(self, number: str, wish: Wish) -> Plan | None:
        """What going over would come to; None when the application is there already. Changes nothing.

        Raises:
            UnknownApplicationError: No such application.
            CannotMigrateError: Not this one, or not now.
        """
        with transaction(self._database) as connection:
            held = versions.read(connection, number, wish)
            return plan(held, wish, self._keys.data_key(held.data_key, held.case.subject)) if held else None

    def migrate(
        self, number: str, wish: Wish, *, reason: str | None, force: bool, actor: str
    ) -> tuple[Plan | None, str]:
        """Let one application go over.

        Args:
            reason: Kept in an event, so nothing about a person.
            force: Also where writes that took effect are then sent again.

        Returns:
            What it came to (None when it was there already), and the application's state after it.

        Raises:
            UnknownApplicationError: No such application.
            CannotMigrateError: Something is in the way.
        """
        with transaction(self._database) as connection:
            held = versions.read(connection, number, wish)
            if held is None:
                return None, ""
            key = self._keys.data_key(held.data_key, held.case.subject)
            found = plan(held, wish, key)
            if found.writes and not force:
                names = ", ".join(f"{each.step} ({each.operation}, {each.came_to})" for each in found.writes)
                raise CannotMigrateError(
                    f"writes would be sent again: {names}; keep them as they are (--keep), or force it with a reason"
                )
            contents = _resealed(held, found, key)
            state = versions.go_over(
                connection, held.case, wish, found, contents, reason=reason, actor=actor, now=self._clock.now()
            )
            return found, state


def plan(held: Held, wish: Wish, key: DataKey) -> Plan:
    """What going over comes to for an application that is locked."""
    case = held.case
    form = open_form(held.form, held.form_version, key)
    records: dict[str, Any] = {
        step: open_record(sealed.request_id, sealed.record, key) for step, sealed in held.records.items()
    }
    placed = {step: wish.places[step] for step in case.runs if step in wish.places}
    carried = {placed[step]: record for step, record in records.items() if step in placed}
    scopes = {"form": form, **records}, {"form": form, **carried}
    changed = {new for old, new in placed.items() if new not in wish.keep and _differs(held, wish, old, new, scopes)}
    afresh = _following(wish, changed) & set(placed.values())
    again = {old: new for old, new in placed.items() if new in afresh}
    stays = {old: new for old, new in placed.items() if new not in afresh}
    gone = [step for step in case.runs if step not in placed]
    return Plan(
        case.number,
        kept=[old for old, new in stays.items() if old == new],
        mapped={old: new for old, new in stays.items() if old != new},
        again=[_again(held, wish, old, new) for old, new in _ordered(wish.new, again)],
        behind=sorted([*again, *gone]),
        dropped=[_again(held, wish, step) for step in gone],
        late=[
            step.name
            for step in wish.new.steps
            if step.name not in placed.values()
            and any(step.name in wish.new.ancestors[entered] for entered in stays.values())
        ],
        blocked=[
            *_form_blocks(wish.new, form),
            *(sentence for step in gone for sentence in _gone_blocks(held, wish, step)),
            *(sentence for old, new in placed.items() for sentence in _doubt_blocks(held, wish, old, new, again)),
            *(sentence for old, new in stays.items() for sentence in _record_blocks(held, wish, old, new)),
        ],
    )


def _differs(held: Held, wish: Wish, old: str, new: str, scopes: tuple[Mapping[str, Any], Mapping[str, Any]]) -> bool:
    """Whether what the step came to is not what it would come to under the new version."""
    was, becomes = wish.old.by_name[old], wish.new.by_name[new]
    before, after = scopes
    outcome = held.case.outcomes.get(old)
    # An incident speaks of the step by its old name, so a failed one does not take another.
    renamed_in_trouble = old != new and held.case.runs[old].state == "failed" and outcome is None
    if (was.kind, was.operation) != (becomes.kind, becomes.operation) or renamed_in_trouble:
        return True
    then, now = would_ask(was, before), would_ask(becomes, after)
    if outcome == "skipped":
        # A notice that reached nobody is skipped too, whatever its condition.
        return then[0] == "skips" and now[0] != "skips"
    asked = {want.name for want in was.wants}
    return (
        then != now
        or (outcome is None and _waits_by(was, before) != _waits_by(becomes, after))
        or any(want.required and want.name not in asked for want in becomes.wants)
    )


def _waits_by(step: StepDefinition, scope: Mapping[str, Any]) -> list[Any]:
    """What a wait goes by: while one is under way, a change of it means to ask anew."""
    plain = [step.accept, step.group, step.within, step.overdue, step.four_eyes, step.wants]
    return [*plain, *(_resolved(path, scope) for path in (step.expires, step.reference))]


def _resolved(path: str | None, scope: Mapping[str, Any]) -> Any:
    try:
        return None if path is None else expressions.resolve(path.removesuffix("?"), scope)
    except ExpressionError:
        return None


def _following(wish: Wish, changed: set[str]) -> set[str]:
    """Changed steps and those that follow them; a step that is to be kept stands, and what follows only it."""
    found: set[str] = set()
    for step in wish.new.steps:
        if step.name in changed or (found.intersection(step.after) and step.name not in wish.keep):
            found.add(step.name)
    return found


def _ordered(definition: Definition, again: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    places = {new: old for old, new in again.items()}
    return [(places[step.name], step.name) for step in definition.steps if step.name in places]


def _effect(operation: str) -> str:
    return catalogue.load().get(operation, {}).get("effect", "write") if operation else "none"


def _came_to(held: Held, step: str) -> str:
    return held.case.outcomes.get(step) or held.case.runs[step].state


def _in_doubt(held: Held, wish: Wish, step: str) -> bool:
    """A write without an outcome that may have happened: only our old reference tells, so the step must stay as it is."""
    operation = wish.old.by_name[step].operation
    return step not in held.case.outcomes and step in held.sent and _effect(operation) == "write"


def _again(held: Held, wish: Wish, old: str, new: str | None = None) -> Again:
    """A step that starts afresh, or is dropped: then `writes` says that its effect stays with the agency."""
    operation = wish.old.by_name[old].operation
    took_effect = _effect(operation) == "write" and held.case.outcomes.get(old) == "done"
    if new is None:
        return Again(old, operation, _came_to(held, old), writes=took_effect)
    operation = wish.new.by_name[new].operation
    return Again(new, operation, _came_to(held, old), writes=took_effect and _effect(operation) == "write")


def _form_blocks(new: Definition, form: Any) -> Iterable[str]:
    problems = Form(new.form).problems(form)
    if problems:
        fields = ", ".join(f"{problem.pointer} {problem.message.en}" for problem in problems)
        yield f"the form does not fit version {new.version}: {fields}; let the citizen amend it first"


def _gone_blocks(held: Held, wish: Wish, step: str) -> Iterable[str]:
    came_to = _came_to(held, step)
    if _in_doubt(held, wish, step):
        yield f"{step} may have happened ({came_to}) and has no place in version {wish.new.version}: resolve its incident first"
    elif step not in wish.drop and came_to not in ("skipped", "failed"):
        yield (
            f"{step} ({came_to}) has no place in version {wish.new.version}: say which step it is now "
            f"(--map {step}=STEP), or give it up (--drop {step} --reason ...)"
        )


def _doubt_blocks(held: Held, wish: Wish, old: str, new: str, again: Mapping[str, str]) -> Iterable[str]:
    if _in_doubt(held, wish, old) and (old != new or old in again):
        yield f"{old} may have happened ({_came_to(held, old)}): resolve its incident first"


def _record_blocks(held: Held, wish: Wish, old: str, new: str) -> Iterable[str]:
    """Later steps read a record by the fields of the new step's operation."""
    facts = catalogue.load().get(wish.new.by_name[new].operation)
    if old in held.schemas and facts and facts["record"]["schema"] != held.schemas[old]:
        yield f"{new} is to have a record {facts['record']['schema']}, and {old} brought {held.schemas[old]}"


def _resealed(held: Held, found: Plan, key: DataKey) -> dict[str, bytes]:
    """What people entered into open tasks, for the tasks' new names: it is bound to the name."""
    renewed = versions.revisions(held.case, found)
    return {
        new: key.seal(
            key.open(held.contents[old], f"task:{old}:{held.case.revision(old)}"), f"task:{new}:{renewed.get(new, 1)}"
        )
        for old, new in found.mapped.items()
        if old in held.contents
    }
