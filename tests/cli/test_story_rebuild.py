"""`story.rebuild`: an application from its events alone."""

from datetime import UTC, datetime, timedelta

from simpul.ledger.events import ACTIONS, Event
from simpul.ledger.story import rebuild, tell

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def story(*told):
    """Events a second apart, the first of which files the application."""
    received = {"action": "application.received", "state": "runnable", "service": "passport",
                "detail": {"version": 2, "channel": "kiosk", "form_version": 1}}  # fmt: skip
    return [
        Event(at=START + timedelta(seconds=i), actor="x", application="n", **facts)
        for i, facts in enumerate([received, *told])
    ]


def step(action, name="deed", revision=1, **facts):
    return {"action": f"step.{action}", "step": name, "revision": revision, **facts}


def state(name, **facts):
    return {"action": f"application.{name}", "state": name, **facts}


def test_a_filed_application_is_runnable():
    told = rebuild(story())
    assert (told.number, told.service, told.version, told.channel) == ("n", "passport", 2, "kiosk")
    assert (told.state, told.since, told.received_at, told.form_version) == ("runnable", START, START, 1)


def test_outcomes_and_the_closing_are_told():
    told = rebuild(story(step("entered"), step("requested"), step("done"), step("skipped", "card"), state("completed")))
    assert told.outcomes == {"deed": "done", "card": "skipped"}
    assert told.runs == {"deed": "closed", "card": "closed"}
    assert (told.state, told.closed_at) == ("completed", START + timedelta(seconds=5))


def test_a_wait_is_told_with_its_deadline_and_forgotten_when_it_ends():
    until = START + timedelta(hours=2)
    waits = state("waiting", step="payment", detail={"for": "payment", "until": until.isoformat()})
    told = rebuild(story(step("entered", "payment"), waits))
    assert (told.waiting_for, told.waiting_step, told.until) == ("payment", "payment", until)
    assert told.runs == {"payment": "waiting"}
    told = rebuild(story(waits, state("runnable")))
    assert (told.waiting_for, told.waiting_step, told.until) == (None, None, None)


def test_since_is_when_the_present_state_began():
    told = rebuild(story(state("waiting", detail={"for": "agency:a"}), state("waiting", detail={"for": "agency:b"})))
    assert (told.since, told.waiting_for) == (START + timedelta(seconds=1), "agency:b")


def test_an_amendment_begins_a_new_revision_and_old_answers_no_longer_count():
    amended = {"action": "application.amended", "detail": {"steps": ["deed"], "revisions": {"deed": 2}}}
    asked = {"action": "application.amendment_requested"}
    told = rebuild(story(step("done"), asked))
    assert told.pending == "amend"
    told = rebuild(story(step("done"), asked, amended, step("rejected", revision=1)))
    assert (told.pending, told.form_version, told.revisions, told.outcomes) == (None, 2, {"deed": 2}, {})
    told = rebuild(story(step("done"), asked, amended, step("done", revision=2)))
    assert told.outcomes == {"deed": "done"}


def test_a_withdrawal_is_pending_until_it_closes_the_case():
    asked = {"action": "application.withdrawal_requested"}
    assert rebuild(story(asked)).pending == "withdraw"
    told = rebuild(story(asked, state("withdrawn")))
    assert (told.state, told.pending) == ("withdrawn", None)


def test_every_action_has_words_for_the_timeline():
    lines = tell([Event(at=START, actor="x", action=action) for action in ACTIONS])
    assert [line.what for line in lines] == list(ACTIONS.values())
