"""What a callback may mean beside signals: an application, a question, an id that counts once; and how it is refused."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from conftest import GOOD
from sqlalchemy import text

from connectors.toolkit.callback import Callback, CallbackSignal, Filing, Question, Reply, Taken
from connectors.toolkit.errors import BadData, Misconfigured, Retriable
from schemas.text import Text
from simpul.console import callbacks
from simpul.ledger import once, transaction

WHY = Text(id="Tidak", en="No")


def take(received, settings):
    if received.headers.get("x-secret") != settings.secret:
        raise Misconfigured("WHO", diagnosis=WHY)
    try:
        said = json.loads(received.body)
    except ValueError:
        raise BadData("JSON", diagnosis=WHY) from None
    return Taken(
        signals=tuple(CallbackSignal("payment", ref, f"s:{ref}", b"") for ref in said.get("paid", ())),
        filings=tuple(Filing(service, form, key) for service, form, key in said.get("file", ())),
        question=Question("dukcapil.get_person", _person(said["ask"])) if "ask" in said else None,
        once=said.get("once"),
    )


def _person(nik):
    from simpul.exchange import of_operation

    return of_operation("dukcapil", "get_person").request(nik=nik)


def answer(taken, handled):
    told = {
        "new": sorted(handled.new),
        "repeated": handled.repeated,
        "unfit": {key: list(fields) for key, fields in handled.unfit.items()},
        "error": handled.error and handled.error.code,
        "record": handled.record and handled.record.model_dump(mode="json"),
    }
    return Reply(json.dumps(told).encode())


def refuse(received, error):
    return Reply(f"TIDAK {error.code}".encode(), status=418, media_type="text/plain")


@pytest.fixture
def call(anonymous, monkeypatch):
    lines = (
        Callback("first", "G", "", take, answer, max_bytes=2000),
        Callback("worded", "G", "", take, answer, refuse),
    )
    monkeypatch.setattr(callbacks, "agencies", lambda: ["oss"])
    monkeypatch.setattr(callbacks, "connector_class", lambda agency: SimpleNamespace(callbacks=lines))
    monkeypatch.setattr(callbacks, "_settings", lambda agency: SimpleNamespace(secret="s"))

    def send(path="oss", /, secret="s", raw=None, **said):  # noqa: S107  # made up
        content = json.dumps(said).encode() if raw is None else raw
        return anonymous.post(f"/v1/callbacks/{path}", content=content, headers={"X-Secret": secret})

    return send


def stored(engine, query):
    with transaction(engine) as connection:
        return connection.execute(text(query)).all()


def test_a_call_files_one_application_however_often_it_comes(call, engine):
    assert call(file=[("birth", GOOD, "nib-1")]).json()["new"] == ["nib-1"]
    assert call(file=[("birth", GOOD, "nib-1")]).json()["new"] == []
    ((received_by, channel, key),) = stored(engine, "SELECT received_by, channel, idempotency_key FROM application")
    assert (received_by, channel) == ("oss", "agency")
    assert key != "nib-1"


def test_a_form_that_does_not_fit_is_named_to_the_agency_with_its_fields_and_the_others_are_filed(call, engine):
    told = call(file=[("birth", {"nik": "1"}, "nib-1"), ("birth", GOOD, "nib-2")]).json()
    assert told["new"] == ["nib-2"]
    assert set(told["unfit"]) == {"nib-1"}
    assert told["unfit"]["nib-1"]
    assert len(stored(engine, "SELECT 1 FROM application")) == 1


def test_a_service_that_is_not_published_refuses_the_whole_call(call, engine):
    told = call("oss/worded", paid=["A"], file=[("nothing", GOOD, "nib-1")])
    assert (told.status_code, told.text) == (418, "TIDAK SERVICE_NOT_PUBLISHED")
    assert call(file=[("nothing", GOOD, "nib-1")]).status_code == 503
    assert stored(engine, "SELECT 1 FROM signal") == []


def test_an_id_counts_once_and_a_call_that_could_not_be_handled_has_not_used_it(call, engine, clock):
    assert call(once="x", file=[("nothing", GOOD, "k")]).status_code == 503
    assert call(once="x", paid=["A"]).json() | {"unfit": {}} == call_told(new=["s:A"])
    again = call(once="x", paid=["B"]).json()
    assert again["repeated"]
    assert [row.id for row in stored(engine, "SELECT id FROM signal")] == ["s:A"]
    assert b"x" not in [row.id.encode() for row in stored(engine, "SELECT id FROM callback_once")]
    clock.turn(once.KEPT + timedelta(seconds=1))
    assert not call(once="x", paid=["B"]).json()["repeated"]
    assert len(stored(engine, "SELECT 1 FROM callback_once")) == 1


def call_told(**values):
    return {"new": [], "repeated": False, "unfit": {}, "error": None, "record": None} | values


def test_a_refusal_is_worded_by_the_agencys_contract_and_plainly_without_one(call):
    assert call("oss/worded", "wrong").text == "TIDAK WHO"
    assert call("oss/worded", raw=b"{").text == "TIDAK JSON"
    assert call("oss", "wrong").status_code == 401
    assert call(raw=b"{").status_code == 422


def test_the_first_callback_is_also_served_by_the_agencys_name_and_another_is_404(call):
    assert call("oss/first").json() == call("oss").json() == call_told()
    assert call("oss/other").status_code == 404


def test_a_body_larger_than_the_callback_takes_is_refused_before_it_is_read(call):
    assert call(raw=b"{" + b" " * 2000).status_code == 413
    assert call("oss/worded", raw=b"{" + b" " * 2000).status_code == 418


def test_a_question_is_put_as_the_agency_and_its_error_is_worded_by_the_connector(call, anonymous, monkeypatch):
    asked = []

    async def ask(question):
        asked.append(question)
        raise Retriable("NO_ANSWER", diagnosis=WHY)

    monkeypatch.setattr(anonymous.app.state.context.desk, "ask", ask)
    assert call(ask="9974014101900001").json()["error"] == "NO_ANSWER"
    (question,) = asked
    assert (question.actor, question.operation.qualified) == ("oss", "dukcapil.get_person")
    assert question.purpose == question.operation.purpose
