import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from connectors.bank import payment, sandbox
from connectors.toolkit import errors
from connectors.toolkit.callback import Handled

NOW = datetime(2026, 1, 31, 18, 0, tzinfo=UTC)
PATH = "/v1/callbacks/bank/payment"
NUMBER = "991230000000000001"
SETTINGS = sandbox.settings("http://127.0.0.1:1")


def call(**changes):
    return sandbox.paid_call(NUMBER, path=PATH, at=NOW, **changes)


def refused(received, settings=SETTINGS):
    with pytest.raises(errors.AgencyError) as wrong:
        payment.take(received, settings)
    reply = payment.refuse(received, wrong.value)
    code = json.loads(reply.body)["responseCode"]
    assert code.startswith(str(reply.status))
    return code


def signed(body, **headers):
    """A call with a body of our choice, rightly signed."""
    from connectors.bank import signing
    from connectors.toolkit import made_keys

    text = signing.call_string("POST", PATH, body, signing.timestamp(NOW))
    made = call()
    sent = {**made.headers, "x-signature": signing.asymmetric(made_keys.private_pem("bank"), text), **headers}
    return dataclasses.replace(made, body=body, headers={name: value for name, value in sent.items() if value})


def test_a_payment_is_a_signal_about_its_account_and_answered_with_a_flag():
    taken = payment.take(call(payment_request_id="p1", external_id="77"), SETTINGS)
    (signal,) = taken.signals
    assert (signal.kind, signal.reference) == ("payment", NUMBER)
    # By Jakarta's day, on which it is February already.
    assert taken.once == "bank-77-20260201"
    reply = payment.answer(taken, Handled(new=frozenset({signal.id})))
    answer = json.loads(reply.body)
    assert (reply.status, answer["responseCode"]) == (200, "2002500")
    assert answer["virtualAccountData"]["paymentFlagStatus"] == "00"
    assert answer["virtualAccountData"]["virtualAccountNo"] == f"   {NUMBER}"


def test_the_same_payment_told_again_is_the_same_signal_and_successful_again():
    first = payment.take(call(payment_request_id="p1"), SETTINGS)
    advised = payment.take(call(payment_request_id="p1", advice="Y"), SETTINGS)
    other = payment.take(call(payment_request_id="p2"), SETTINGS)
    assert first.signals[0].id == advised.signals[0].id != other.signals[0].id
    assert first.once != advised.once
    assert json.loads(payment.answer(advised, Handled()).body)["responseCode"] == "2002500"


def test_an_external_id_used_before_on_the_day_is_a_conflict():
    reply = payment.answer(payment.take(call(), SETTINGS), Handled(repeated=True))
    assert (reply.status, json.loads(reply.body)["responseCode"]) == (409, "4092500")


def test_no_account_number_stands_in_an_id():
    taken = payment.take(call(), SETTINGS)
    assert NUMBER not in taken.signals[0].id + taken.once


def test_what_the_bank_has_not_signed_is_refused():
    made = call()
    for changed in (
        {"body": made.body.replace(b"250000.00", b"250001.00")},
        {"path": f"{PATH}?x=1"},
        {"method": "PUT"},
        {"headers": {**made.headers, "x-signature": "AAAA"}},
        {"headers": {**made.headers, "x-timestamp": "2026-02-01T01:00:01+07:00"}},
    ):
        assert refused(dataclasses.replace(made, **changed)) == "4012500"


def test_white_space_between_parts_is_not_signed():
    made = call()
    payment.take(dataclasses.replace(made, body=made.body.replace(b", ", b" ,\n")), SETTINGS)


def test_the_path_that_the_bank_knows_may_be_another():
    settings = SETTINGS.model_copy(update={"callback_path": "/snap/payment"})
    made = sandbox.paid_call(NUMBER, path="/snap/payment", at=NOW)
    assert payment.take(dataclasses.replace(made, path=PATH), settings).signals


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_call_from_another_time_is_refused(minutes):
    assert refused(dataclasses.replace(call(), at=NOW + timedelta(minutes=minutes))) == "4012500"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "4002500"),
        (b"{}", "4002502"),
        ({"paymentRequestId": None}, "4002502"),
        ({"paidAmount": {"value": "250000", "currency": "IDR"}}, "4002501"),
        ({"paidAmount": {"value": 250000.00, "currency": "IDR"}}, "4002501"),
        ({"flagAdvise": "perhaps"}, "4002501"),
        ({"virtualAccountNo": "   991239999999999999"}, "4042518"),
        ({"partnerServiceId": "   11111", "virtualAccountNo": "   111110000000000001"}, "4042512"),
    ],
)
def test_a_signed_call_that_cannot_be_read_is_answered_with_the_standards_code(body, code):
    if isinstance(body, dict):
        whole = {**json.loads(call().body), **body}
        body = json.dumps({name: value for name, value in whole.items() if value is not None}).encode()
    assert refused(signed(body)) == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-external-id": ""}, "4002502"),
        ({"x-external-id": "abc"}, "4002501"),
        ({"x-external-id": "1" * 37}, "4002501"),
    ],
)
def test_an_external_id_must_be_a_number_that_is_not_too_long(headers, code):
    assert refused(signed(call().body, **headers)) == code


@pytest.mark.parametrize(
    ("stamp", "code"), [("", "4002502"), ("yesterday", "4002501"), ("2026-02-01T01:00:00", "4002501")]
)
def test_a_time_stamp_must_be_one_with_its_zone(stamp, code):
    made = call()
    assert refused(dataclasses.replace(made, headers={**made.headers, "x-timestamp": stamp})) == code
