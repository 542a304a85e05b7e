"""Applications go over to another version of their workflow: what they came to goes along, and nothing is sent twice."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from simpul.definition import Definition, StepDefinition, Want
from simpul.engine.versions import Migrator
from simpul.ledger import definitions, papers, signals, transaction, versions, waves
from simpul.ledger.signals import Signal
from simpul.ledger.versions import CannotMigrateError, InFlightError
from tests.ledger import conftest as ledger

PUBLISHED = Path(__file__).parents[2] / "dags" / "published"
FORM = {"type": "object", "required": ["nkk"]}


def agency(name, operation, request=None, after=(), **more):
    return StepDefinition(
        name=name, kind="agency", operation=operation, request=request or {}, after=tuple(after), **more
    )


def steps(old, **changes):
    """The steps of a version, some of them changed."""
    return {step.name: step.model_copy(update=changes.get(step.name, {})) for step in old.steps}


@pytest.fixture
def over(world, monkeypatch):
    """Publishes version 2 of a service and lets an application go over to it."""

    def publish(service, steps, **facts):
        old = ledger.SERVICES[service]
        new = Definition(**{**old.model_dump(), "version": 2, "form": FORM, "steps": tuple(steps), **facts})
        with transaction(world.db) as connection:
            definitions.publish(connection, new, actor="test", now=world.now)
        monkeypatch.setattr(definitions, "_CACHE", {})
        return new

    def go(number, *, mapping=None, drop=(), keep=(), force=False, dry_run=False, old=1, new=2):
        with transaction(world.db) as connection:
            service = world.row(number)[0].service
            wish = versions.wish(connection, service, old, new, mapping=mapping or {}, drop=drop, keep=keep)
        migrator = Migrator(world.db, world.keys, world.clock)
        if dry_run:
            return migrator.plan(number, wish)
        return migrator.migrate(number, wish, reason="the fee changed", force=force, actor="user:ops")

    return SimpleNamespace(publish=publish, go=go)


def through(world, service, *stages):
    """An application that entered steps, with what each came to; None for one that waits."""
    number = world.file(service)
    for step, came_to, record in stages:
        wave = world.claim(service)
        world.enter(wave, step)
        world.relay()
        if came_to:
            world.answer(number, step, came_to, record=record or {})
        with transaction(world.db) as connection:
            waves.give_back(connection, wave, result="success", strikes=3, now=world.now)
    return number


BILL = {"billing_code": "7", "expires_at": "2026-03-02T10:00:00+00:00"}


def billed(world):
    return through(world, "passport", ("bill", "done", BILL), ("payment", None, None))


def test_a_wait_goes_along_and_a_new_step_before_it_is_entered_late(world, over):
    number = billed(world)
    before = steps(ledger.PASSPORT)
    opened = agency("opened", "imigrasi.open_application")
    stamp = agency("stamp", "imigrasi.issue_passport", after=["payment"])
    over.publish(
        "passport", [opened, before["bill"].model_copy(update={"after": ("opened",)}), before["payment"], stamp]
    )
    assert over.go(number, dry_run=True).late == ["opened"]
    found, state = over.go(number)
    assert (found.kept, found.again, state) == (["bill", "payment"], [], "runnable")
    assert (world.row(number)[0].version, world.row(number)[0].next_step) == (2, "opened")
    # The payment comes before the late step has its answer: what follows both waits for both.
    with transaction(world.db) as connection:
        signals.receive(connection, [Signal("1", "payment", "simponi", "code")], now=world.now)
    wave = world.claim("passport")
    for step in ("opened", "payment"):
        world.enter(wave, step)
    world.relay()
    world.answer(number, "payment", ask=2)
    world.enter(wave, "stamp")
    assert "stamp" not in {run.step for run in world.row(number, "step_run")}
    world.answer(number, "opened")
    world.enter(wave, "stamp")
    assert "stamp" in {run.step for run in world.row(number, "step_run")}


def test_a_renamed_step_keeps_its_outcome_in_a_row_of_its_own(world, over):
    number = billed(world)
    before = steps(ledger.PASSPORT)
    invoice = before["bill"].model_copy(update={"name": "invoice"})
    paid = before["payment"].model_copy(
        update={
            "name": "paid",
            "after": ("invoice",),
            "request": {"billing_code": "invoice.billing_code"},
            "expires": "invoice.expires_at",
            "reference": "invoice.billing_code",
        }
    )
    over.publish("passport", [invoice, paid], renamed={"bill": "invoice", "payment": "paid"})
    found, state = over.go(number)
    assert (found.mapped, state) == ({"bill": "invoice", "payment": "paid"}, "waiting")
    rows = {row.step: row for row in world.row(number, "outcome")}
    assert rows["invoice"].mapped_from == "bill/1"
    assert (rows["invoice"].record, rows["invoice"].request_id) == (rows["bill"].record, rows["bill"].request_id)
    with transaction(world.db) as connection:
        signals.receive(connection, [Signal("1", "payment", "simponi", "code")], now=world.now)
    assert (world.state(number), world.incidents(number)) == ("runnable", [])
    world.enter(world.claim("passport"), "paid")
    world.relay()
    assert world.answer(number, "paid", ask=2) == "completed"


def test_what_has_no_place_blocks_until_it_is_mapped_or_dropped(world, over):
    number = through(world, "birth", ("deed", "done", None), ("card", "done", None))
    over.publish("birth", [ledger.BIRTH.by_name["deed"], ledger.BIRTH.by_name["insured"]])
    (why,) = over.go(number, dry_run=True).blocked
    assert why.startswith("card (done) has no place in version 2: say which step it is now (--map card=STEP)")
    with pytest.raises(CannotMigrateError, match="card"):
        over.go(number)
    assert world.row(number)[0].version == 1
    check = text(
        "INSERT INTO paper (\"check\", application, step, revision, issued_at) VALUES ('c', :n, 'card', 1, now())"
    )
    with transaction(world.db) as connection:
        connection.execute(check, {"n": number})
    found, _ = over.go(number, drop=["card"])
    with transaction(world.db) as connection:
        paper = papers.checked(connection, "c")
    assert (paper.valid, paper.step) == (False, None)
    assert [(each.step, each.writes) for each in found.dropped] == [("card", True)]
    assert world.row(number)[0].revisions == {"card": 2}
    (told,) = [each for each in world.row(number, "event") if each.action == "application.migrated"]
    assert (told.detail["dropped"], told.detail["reason"]) == (["card"], "the fee changed")


def test_a_write_that_would_ask_something_else_is_sent_again_only_by_force(world, over):
    number = through(world, "birth", ("deed", "done", None))
    over.publish("birth", steps(ledger.BIRTH, deed={"request": {"nkk": "form.nkk", "twin": True}}).values())
    with pytest.raises(CannotMigrateError, match=r"writes would be sent again: deed \(dukcapil.register_birth, done\)"):
        over.go(number)
    found, state = over.go(number, force=True)
    assert ([each.step for each in found.writes], state) == (["deed"], "runnable")
    assert world.row(number)[0].revisions == {"deed": 2}


def test_a_step_that_is_to_be_kept_stands_although_it_would_ask_something_else(world, over):
    number = through(world, "birth", ("deed", "done", None), ("card", "done", None))
    over.publish("birth", steps(ledger.BIRTH, deed={"request": {"nkk": "form.nkk", "twin": True}}).values())
    found, _ = over.go(number, keep=["deed"])
    assert (found.kept, found.again, world.row(number)[0].revisions) == (["deed", "card"], [], {})


def test_a_step_that_failed_before_anything_was_sent_starts_afresh_and_its_incident_is_settled(world, over):
    from simpul.ledger.outbox import fail, take

    number = world.file()
    world.enter(world.claim(), "deed")
    with transaction(world.db) as connection:
        fail(connection, take(connection, 1)[0], {"id": "x", "en": "x"}, now=world.now)
    assert world.state(number) == "incident"
    over.publish("birth", steps(ledger.BIRTH, deed={"request": {"nkk": "=2"}}).values())
    found, state = over.go(number)
    assert ([(each.step, each.writes) for each in found.again], state) == ([("deed", False)], "runnable")
    assert world.row(number, "incident")[0].resolved_by == "user:ops"


def test_a_write_in_doubt_goes_along_only_as_it_is(world, over):
    number = through(world, "birth", ("deed", "failed", None))
    renamed = [
        ledger.BIRTH.by_name["deed"].model_copy(update={"name": "act"}),
        *(ledger.BIRTH.by_name[name].model_copy(update={"after": ("act",)}) for name in ("card", "insured")),
    ]
    over.publish("birth", renamed, renamed={"deed": "act"})
    with pytest.raises(CannotMigrateError, match=r"deed may have happened .*: resolve its incident first"):
        over.go(number, force=True)


def test_nothing_goes_over_while_an_answer_is_outstanding_and_a_repeat_changes_nothing(world, over):
    number = world.file()
    wave = world.claim()
    world.enter(wave, "deed")
    world.relay()
    over.publish("birth", ledger.BIRTH.steps)
    with pytest.raises(InFlightError, match="deed"):
        over.go(number)
    world.answer(number, "deed", record={})
    # It leaves the wave of the old DAG, and enters nothing there any more.
    assert over.go(number)[1] == "runnable"
    world.enter(wave, "card")
    assert [run.step for run in world.row(number, "step_run")] == ["deed"]
    assert over.go(number) == (None, "")
    assert world.actions(number).count("application.migrated") == 1


def test_a_form_that_does_not_fit_blocks_and_names_the_fields(world, over):
    number = world.file()
    over.publish("birth", ledger.BIRTH.steps, form={"type": "object", "required": ["nkk", "hospital"]})
    (why,) = over.go(number, dry_run=True).blocked
    assert why == "the form does not fit version 2: /form/hospital is required; let the citizen amend it first"


def test_a_task_under_way_goes_along_under_its_new_name_and_can_be_read_there(world, over):
    from simpul.ledger import tasks

    number = through(world, "permit", ("check", None, None))
    key = world.keys.data_key(world.row(number)[0].data_key, world.row(number)[0].subject)
    with transaction(world.db) as connection:
        task = tasks.find(connection, number, "check")
        content = key.seal(b'{"findings": {}}', tasks.content_aad(task))
        tasks.wait_for_second(connection, task, content, actor="counter", by="a", now=world.now)
    check, paper = ledger.PERMIT.steps
    new = [check.model_copy(update={"name": "look"}), paper.model_copy(update={"after": ("look",)})]
    over.publish("permit", new, renamed={"check": "look"})
    assert over.go(number)[1] == "waiting"
    with transaction(world.db) as connection:
        (task,) = tasks.listing(connection, groups=None, states=("confirming",))
    assert (task.step, task.first_by) == ("look", "a")
    assert json.loads(key.open(task.content, tasks.content_aad(task))) == {"findings": {}}


def test_a_task_that_asks_for_more_is_put_anew(world, over):
    number = through(world, "permit", ("check", None, None))
    more = Want(name="area", title="Luas")
    over.publish("permit", steps(ledger.PERMIT, check={"wants": (more,)}).values())
    found, state = over.go(number)
    assert ([each.step for each in found.again], state) == (["check"], "runnable")
    assert world.row(number, "task")[0].state == "closed"


def test_names_are_followed_through_the_versions_between_and_back_again(world, over):
    number = through(world, "birth", ("deed", "done", None))
    deed, card, insured = ledger.BIRTH.steps
    for version, name, before in ((2, "act", "deed"), (3, "akta", "act")):
        new = [
            deed.model_copy(update={"name": name}),
            *(each.model_copy(update={"after": (name,)}) for each in (card, insured)),
        ]
        over.publish("birth", new, version=version, renamed={before: name})
    assert over.go(number, new=3)[0].mapped == {"deed": "akta"}
    assert over.go(number, old=3, new=1)[0].mapped == {"akta": "deed"}
    assert world.outcomes(number) == {("deed", 1): "done", ("akta", 1): "done", ("deed", 2): "done"}


def test_a_passport_that_waits_for_its_payment_goes_over_to_the_version_with_a_book(world, over, monkeypatch):
    old, new = (
        Definition.model_validate_json((PUBLISHED / f"{name}.json").read_bytes())
        for name in ("passport", "passport_v2")
    )
    monkeypatch.setitem(ledger.SERVICES, "passport", old)
    with transaction(world.db) as connection:
        connection.execute(text("DELETE FROM definition WHERE service = 'passport'"))
        for each in (old, new):
            definitions.publish(connection, each, actor="test", now=world.now)
    person = {"name": "Warga Contoh"}
    number = through(world, "passport", ("identity", "done", person), ("bill", "done", BILL), ("payment", None, None))
    row = world.row(number)[0]
    form = world.keys.data_key(row.data_key, row.subject).seal(
        b'{"nik": "9974014101900001", "book": "5 years"}', "form:1"
    )
    with transaction(world.db) as connection:
        connection.execute(text("UPDATE application SET form = :form WHERE number = :n"), {"form": form, "n": number})
    found, state = over.go(number)
    assert (found.kept, found.late, found.again) == (["identity", "bill", "payment"], ["opened"], [])
    assert (state, world.row(number)[0].next_step) == ("runnable", "opened")


def test_a_wish_that_contradicts_the_versions_is_refused(world, over):
    number = world.file()
    over.publish("birth", ledger.BIRTH.steps)
    for wrong, why in (
        ({"mapping": {"deeed": "deed"}}, "version 1 has no step deeed"),
        ({"mapping": {"deed": "kard"}}, "version 2 has no step kard"),
        ({"mapping": {"deed": "card"}}, "cannot become one"),
        ({"mapping": {"deed": "card"}, "drop": ["deed"]}, "mapped and dropped at once"),
        ({"new": 1}, "the same"),
    ):
        with pytest.raises(CannotMigrateError, match=why):
            over.go(number, **wrong)
