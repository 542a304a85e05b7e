import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from schemas.messages import RequestData, record_id, request_id
from simpul.crypto import CannotDecryptError, Keys
from simpul.definition import Definition, StepDefinition
from simpul.engine import requests
from simpul.engine.requests import Broken, Office, Park, Request, Skip, build
from simpul.ledger.outbox import Due, Sealed
from simpul.papers import notices
from simpul.worktime import read

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
OFFICE = Office(source="/t", calendar=read(), public_url="https://mpp.example")
KEYS = Keys(bytes(range(32)))
SUBJECT = KEYS.blind("99260000000017")
WRAPPED = KEYS.new_data_key(SUBJECT)
KEY = KEYS.data_key(WRAPPED, SUBJECT)


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch):
    facts = {"purpose": "test", "legal_basis": "PP 40/2019"}
    monkeypatch.setattr(
        requests, "_operations", lambda: {"a.read": facts, "simponi.get_bill": facts, "notify.send": facts}
    )


def definition(**step):
    values = {"name": "step", "kind": "agency", "operation": "a.read", "request": {}, **step}
    bill = StepDefinition(name="bill", kind="agency", operation="a.read", request={})
    return Definition(
        service="s", version=1, title="S", standard="1 day", owner="a", form={}, steps=(bill, StepDefinition(**values))
    )


def due(form, *, ask=1, **records):
    sealed = {
        name: Sealed(
            request_id(SUBJECT, name, 1, 1),
            KEY.seal(json.dumps(record).encode(), record_id(request_id(SUBJECT, name, 1, 1))),
        )
        for name, record in records.items()
    }
    return Due(
        1, "99260000000017", SUBJECT, "s", 1, "step", 1, ask, WRAPPED, KEY.seal(json.dumps(form).encode(), "form:1"), 1,
        "00-" + "1" * 32 + "-" + "2" * 16 + "-01", sealed, None,
    )  # fmt: skip


def built(form, step, *, ask=1, **records):
    return build(due(form, ask=ask, **records), definition(**step), KEYS, OFFICE, now=NOW)


def payload(request):
    import base64

    data = RequestData.model_validate(request.envelope.data)
    return json.loads(KEY.open(base64.b64decode(data.payload), request.envelope.id))


def test_a_request_takes_fields_from_form_and_records_and_values_keep_their_types():
    request = built(
        {"nik": "0099", "list": "[1,2]"},
        {"request": {"nik": "form.nik", "all": "bill", "text": "form.list", "n": 3}},
        bill={"code": "12"},
    )
    assert payload(request) == {"nik": "0099", "all": {"code": "12"}, "text": "[1,2]", "n": 3}


def test_a_number_in_a_path_is_a_place_in_a_list_which_may_be_too_short():
    form = {"children": [{"name": "Contoh"}, {"name": "Lain"}]}
    paths = {"second": "form.children.1.name", "third": "form.children.2.name?"}
    assert payload(built(form, {"request": paths})) == {"second": "Lain"}


def test_nothing_of_the_form_is_readable_in_the_envelope():
    request = built({"nik": "9974000000000001"}, {"request": {"nik": "form.nik"}})
    assert b"9974000000000001" not in request.envelope.to_bytes()


def test_the_same_step_gives_the_same_id_and_reference():
    one, two = (built({"x": 1}, {"request": {"x": "form.x"}}) for _ in range(2))
    assert one.envelope.id == two.envelope.id
    assert one.envelope.data["reference"] == two.envelope.data["reference"]


def test_another_ask_is_another_request_under_the_same_reference():
    one, two = (built({"x": 1}, {"request": {"x": "form.x"}}, ask=ask) for ask in (1, 2))
    assert one.envelope.id != two.envelope.id
    assert one.envelope.data["reference"] == two.envelope.data["reference"]


def test_a_false_condition_skips_the_step():
    assert built({"enrol": False}, {"when": "form.enrol"}) == Skip()


def test_a_path_that_leads_nowhere_is_named_without_values():
    broken = built({"nik": "9974000000000001"}, {"request": {"nik": "form.nikk"}})
    assert isinstance(broken, Broken)
    assert "form.nikk" in broken.why
    assert "9974" not in broken.why


def test_an_operation_that_no_connector_offers_is_named():
    broken = built({}, {"operation": "a.gone"})
    assert broken == Broken("no connector offers the operation a.gone")


def payment(expires):
    step = {
        "kind": "payment",
        "operation": "simponi.get_bill",
        "request": {"billing_code": "bill.code"},
        "expires": "bill.until",
        "reference": "bill.code",
    }
    return step, {"code": "820", "until": expires.isoformat()}


def test_a_payment_step_parks_at_first_under_a_blinded_reference():
    step, bill = payment(NOW + timedelta(hours=2))
    parked = built({}, step, bill=bill)
    assert parked == Park(NOW + timedelta(hours=2), KEYS.blind("820"))


def test_a_bill_that_may_be_skipped_is_waited_for_like_any_other():
    step, bill = payment(NOW + timedelta(hours=2))
    conditional = step | {"expires": "bill.until?", "reference": "bill.code?"}
    assert built({}, conditional, bill=bill) == built({}, step, bill=bill)


def test_a_payment_step_that_is_called_back_asks_the_agency():
    step, bill = payment(NOW + timedelta(hours=2))
    assert isinstance(built({}, step, ask=2, bill=bill), Request)


def test_a_payment_step_entered_after_the_bill_expired_asks_at_once():
    step, bill = payment(NOW - timedelta(seconds=1))
    request = built({}, step, bill=bill)
    assert isinstance(request, Request)
    assert request.until == NOW - timedelta(seconds=1)


def notify(*, told):
    _, wording = notices.read("document_ready")
    step = {
        "kind": "notify",
        "operation": "notify.send",
        "template": "document_ready",
        "wording": wording,
        "request": {"document": "form.title", "link": "=https://mpp.example/check/x"},
    }
    contact = {"channel": "sms", "recipient": "081200000001", "language": "en"}
    sealed = KEY.seal(json.dumps(contact).encode(), "contact") if told else None
    entered = replace(due({"title": "Akta"}), contact=sealed)
    return build(entered, definition(**step), KEYS, OFFICE, now=NOW)


def test_a_notice_is_written_in_the_language_and_for_the_channel_of_the_application():
    said = payload(notify(told=True))
    assert (said["channel"], said["recipient"]) == ("sms", "081200000001")
    assert said["subject"] == "Your document has been issued: Akta"
    assert "https://mpp.example/check/x" in said["text"]


def test_nobody_is_told_where_no_contact_is_known():
    assert notify(told=False) == Skip()


def test_another_master_key_opens_nothing():
    with pytest.raises(CannotDecryptError):
        build(due({}), definition(), Keys(bytes(32)), OFFICE, now=NOW)
