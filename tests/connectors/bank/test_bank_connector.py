import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.bank import mapping, signing
from connectors.bank.connector import Bank
from connectors.bank.requests import VirtualAccountQuery, VirtualAccountRequest
from connectors.toolkit import errors
from connectors.toolkit.made_keys import private_pem

AGENCY = "bank"
REQUEST = VirtualAccountRequest(name="Contoh Pembayar", amount=Decimal("250000.5"), description="BPHTB")


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies[AGENCY].reset()
    return server


@contextmanager
def connected(sandbox, now=lambda: datetime.now(UTC), **changes):
    with Bank(sandbox.settings(AGENCY).model_copy(update=changes), now=now) as connector:
        yield connector


@pytest.fixture
def bank(sandbox):
    with connected(sandbox) as connector:
        yield connector


def control(sandbox, name, body=None):
    return requests.post(f"{sandbox.url}/_sandbox/{AGENCY}/{name}", data=json.dumps(body or {}), timeout=10)


def script(sandbox, operation, *faults):
    control(sandbox, "faults", [{"operation": operation, "faults": list(faults)}]).raise_for_status()


def said(code, status):
    return {"kind": "status", "status": status, "body": json.dumps({"responseCode": code}), "media_type": "text/json"}


def calls(sandbox):
    return requests.get(f"{sandbox.url}/_sandbox/{AGENCY}/calls", timeout=5).json()


def test_an_account_is_made_paid_and_seen_to_be_paid(bank, sandbox):
    made = bank.create_virtual_account(REQUEST, reference="sale/1")
    assert (made.amount, made.reference) == (Decimal("250000.50"), "sale/1")
    assert made.number.startswith("99123")
    query = VirtualAccountQuery(number=made.number)
    assert bank.inquire_virtual_account(query).amount == made.amount
    assert bank.get_payment_status(query).status == "unpaid"
    control(sandbox, "pay", {"number": made.number}).raise_for_status()
    paid = bank.get_payment_status(query)
    assert (paid.status, paid.amount) == ("paid", made.amount)
    with pytest.raises(errors.Rejected) as again:
        bank.inquire_virtual_account(query)
    assert again.value.code == "40414"
    assert calls(sandbox)["token"] == 1


def test_the_spaces_of_the_partners_part_are_on_the_wire_and_not_in_records(bank):
    named = mapping.account(bank.settings, "991230000000000001")
    assert named == {
        "partnerServiceId": "   99123",
        "customerNo": "0000000000001",
        "virtualAccountNo": "   991230000000000001",
    }


def test_amounts_are_texts_with_two_decimals():
    assert [mapping.written(Decimal(amount))["value"] for amount in ("1", "250000.5", "1E+3")] == [
        "1.00",
        "250000.50",
        "1000.00",
    ]


def test_an_account_made_in_doubt_is_found_by_our_reference_and_not_made_twice(sandbox):
    script(sandbox, "create_virtual_account", {"kind": "drop", "after_write": True})
    with connected(sandbox) as connector:
        with pytest.raises(errors.InDoubt):
            connector.create_virtual_account(REQUEST, reference="sale/1")
        found = connector.find_virtual_account(REQUEST, reference="sale/1")
        assert found.amount == Decimal("250000.50")
        assert connector.find_virtual_account(REQUEST, reference="sale/2") is None
        with pytest.raises(errors.InDoubt):
            connector.create_virtual_account(REQUEST, reference="sale/1")
    writes = requests.get(f"{sandbox.url}/_sandbox/{AGENCY}/writes", timeout=5).json()
    assert writes == {"create_virtual_account": {"sale/1": 1}}


@pytest.mark.parametrize("end", ["paid", "expired"])
def test_an_account_that_was_paid_or_expired_meanwhile_was_made_all_the_same(bank, sandbox, end):
    made = bank.create_virtual_account(REQUEST, reference="sale/1")
    if end == "paid":
        control(sandbox, "pay", {"number": made.number}).raise_for_status()
    else:
        control(sandbox, "clock", {"offset_seconds": 2 * 86400}).raise_for_status()
    assert bank.find_virtual_account(REQUEST, reference="sale/1").number == made.number
    assert bank.get_payment_status(VirtualAccountQuery(number=made.number)).status == end


def test_a_token_is_kept_and_fetched_anew_once_when_it_is_refused(bank, sandbox):
    query = VirtualAccountQuery(number="991230000000000001")
    for _ in range(2):
        with pytest.raises(errors.Rejected):
            bank.get_payment_status(query)
    assert calls(sandbox)["token"] == 1
    control(sandbox, "expire-tokens").raise_for_status()
    with pytest.raises(errors.Rejected):
        bank.get_payment_status(query)
    assert calls(sandbox)["token"] == 2
    script(sandbox, "get_payment_status", said("4012601", 401), said("4012601", 401))
    with pytest.raises(errors.Misconfigured) as refused:
        bank.get_payment_status(query)
    assert refused.value.code == "40101"


@pytest.mark.parametrize(
    "changes",
    [
        {"private_key": SecretStr(private_pem("somebody else"))},
        {"client_secret": SecretStr("wrong-secret")},
        {"partner_id": "OTHER"},
        {"signed_prefix": "/elsewhere"},
    ],
)
def test_a_signature_that_is_refused_is_our_misconfiguration(sandbox, changes):
    with connected(sandbox, **changes) as connector, pytest.raises(errors.Misconfigured) as wrong:
        connector.create_virtual_account(REQUEST, reference="sale/1")
    assert wrong.value.code == "40100"
    assert "wrong-secret" not in f"{wrong.value} {wrong.value.detail}"


def test_a_clock_that_is_wrong_is_refused(sandbox):
    with (
        connected(sandbox, now=lambda: datetime.now(UTC) - timedelta(minutes=6)) as connector,
        pytest.raises(errors.Misconfigured),
    ):
        connector.get_payment_status(VirtualAccountQuery(number="991230000000000001"))


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("4002600", 400, errors.BadData),
        ("4002602", 400, errors.BadData),
        ("4012600", 401, errors.Misconfigured),
        ("4042612", 404, errors.Rejected),
        ("4092600", 409, errors.Retriable),
        ("4042677", 404, errors.BadData),
        ("404", 404, errors.BadData),
    ],
)
def test_every_case_becomes_its_error(bank, sandbox, code, status, kind):
    script(sandbox, "get_payment_status", said(code, status))
    with pytest.raises(kind):
        bank.get_payment_status(VirtualAccountQuery(number="991230000000000001"))


def test_a_banks_own_code_is_given_its_meaning_by_a_setting(sandbox):
    script(sandbox, "get_payment_status", said("4042677", 404))
    with connected(sandbox, cases={"40477": "40419"}) as connector:
        assert connector.get_payment_status(VirtualAccountQuery(number="991230000000000001")).status == "expired"


def test_an_x_external_id_is_taken_once_a_day(sandbox):
    settings = sandbox.settings(AGENCY)
    with connected(sandbox) as connector:
        token = connector._tokens.current()
    body, stamp = b'{"partnerServiceId": "   99123"}', signing.timestamp(datetime.now(UTC))
    text = signing.transaction_string("POST", "/bank/v1.0/transfer-va/status", token, body, stamp)
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token}",
        "X-TIMESTAMP": stamp,
        "X-SIGNATURE": signing.symmetric(settings.client_secret.get_secret_value(), text),
        "X-PARTNER-ID": settings.partner_id,
        "X-EXTERNAL-ID": "1",
        "CHANNEL-ID": settings.channel_id,
    }
    codes = [
        requests.post(f"{settings.base_url}/v1.0/transfer-va/status", data=body, headers=headers, timeout=5).json()
        for _ in range(2)
    ]
    assert [answer["responseCode"] for answer in codes] == ["4002602", "4092600"]
