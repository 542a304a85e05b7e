"""The projector's own races: what is stored and how far, without a broker."""

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from schemas.envelope import Envelope
from schemas.messages import OUTCOME, OutcomeData, outcome_id, request_id
from simpul.bus.consumer import NewPartitions
from simpul.bus.message import Message
from simpul.bus.topics import OUTCOMES
from simpul.clock import SystemClock
from simpul.ledger import connect, transaction
from simpul.ledger.offsets import SetBackError
from simpul.projector import Projector

TOPIC_ID = str(uuid.UUID(int=7))


@pytest.fixture
def ledger(database_url):
    made = connect(database_url)
    yield made
    made.dispose()


def projector(ledger, topic_id=TOPIC_ID):
    made = Projector(ledger, SystemClock())
    made.buried = []
    made.bury = lambda message, reason: made.buried.append((message.offset, reason))
    made.sought = {}
    made.assigned(
        NewPartitions(
            [(OUTCOMES, 0)],
            lambda _topic, partition, offset: made.sought.update({partition: offset}),
            "c",
            {OUTCOMES: topic_id},
        )
    )
    return made


def message(offset, kind=OUTCOME, **data):
    request = request_id("nobody", f"step{offset}", 1, 1)
    body = OutcomeData(
        request_id=request, operation="a.b", step=f"step{offset}", revision=1, reference="R", outcome="done", tries=1
    ).model_dump(mode="json", exclude_none=True)
    envelope = Envelope(
        id=outcome_id(request), source="/test", type=kind, subject="nobody", time=SystemClock().now(), data=body | data
    )
    return Message(OUTCOMES, 0, offset, "nobody", envelope, envelope.to_bytes())


def incidents(ledger):
    """Each answer for an application that nobody knows leaves one line; here they count what was projected."""
    with ledger.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM incident")).scalar()


def stored(ledger):
    with ledger.connect() as connection:
        return connection.execute(text("SELECT topic_id, next_offset FROM projected")).all()


def test_the_offset_moves_with_what_was_stored(ledger):
    made = projector(ledger)
    made.handle([message(0), message(1)])
    assert stored(ledger) == [(TOPIC_ID, 2)]
    assert projector(ledger).sought == {0: 2}


def test_a_failed_transaction_moves_no_offset(ledger, monkeypatch):
    made = projector(ledger)

    def broken(*_arguments, **_more):
        raise OperationalError("the power went", None, Exception())

    with monkeypatch.context() as patched:
        patched.setattr("simpul.projector.project", broken)
        with pytest.raises(OperationalError):
            made.handle([message(0)])
    assert stored(ledger) == [(TOPIC_ID, 0)]
    made.handle([message(0)])
    assert stored(ledger) == [(TOPIC_ID, 1)]


def test_a_zombie_projector_after_a_rebalance_repeats_and_skips_nothing(ledger, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "simpul.projector.project", lambda _c, answers, now: seen.extend(a.data.step for a in answers) or {}
    )
    zombie, heir = projector(ledger), projector(ledger)
    heir.handle([message(0), message(1), message(2)])
    zombie.handle([message(0), message(1), message(2), message(3)])
    assert seen == ["step0", "step1", "step2", "step3"]
    heir.handle([message(3), message(4)])
    assert seen == ["step0", "step1", "step2", "step3", "step4"]
    assert stored(ledger) == [(TOPIC_ID, 5)]


def test_a_ledger_restored_from_a_backup_stops_the_projector(ledger):
    made = projector(ledger)
    made.handle([message(0), message(1)])
    with transaction(ledger) as connection:
        connection.execute(text("UPDATE projected SET next_offset = 1"))
    with pytest.raises(SetBackError):
        made.handle([message(2)])


def test_an_answer_that_cannot_be_stored_is_laid_aside_and_its_neighbours_go_through(ledger, monkeypatch):
    seen = []

    def picky(_connection, answers, *, now):
        if any(answer.data.step == "step1" for answer in answers):
            raise KeyError("step1")
        seen.extend(answer.data.step for answer in answers)
        return {}

    monkeypatch.setattr("simpul.projector.project", picky)
    made = projector(ledger)
    made.handle([message(0), message(1), message(2)])
    assert seen == ["step0", "step2"]
    assert made.buried == [(1, "it cannot be stored: KeyError")]
    made.handle([message(3)])
    assert stored(ledger) == [(TOPIC_ID, 4)]


def test_a_topic_made_anew_is_read_from_its_beginning(ledger):
    projector(ledger).handle([message(0)])
    assert projector(ledger, topic_id="another").sought == {0: 0}


def test_a_message_that_is_no_outcome_is_buried_and_its_neighbours_go_through(ledger):
    made = projector(ledger)
    made.handle([message(0, kind="id.simpul.request.v1"), message(1, outcome="splendid"), message(2)])
    assert [offset for offset, _ in made.buried] == [0, 1]
    assert "splendid" not in made.buried[1][1]
    assert incidents(ledger) == 1
