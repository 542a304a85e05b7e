"""The REST form: what stands at which position."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.simponi import positional, sandbox, wire
from connectors.simponi.requests import BillQuery, BillRequest
from connectors.toolkit import errors

SETTINGS = sandbox.rest_settings("http://127.0.0.1:1")
REQUEST = BillRequest(
    payer_name="CONTOH", nik="9974014101900001", tariff_code="000001", amount=Decimal(650000), description="Paspor"
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_every_part_of_a_bill_has_its_position():
    asked = positional.bill_request(REQUEST, SETTINGS, reference="ref", now=NOW)
    assert asked == {
        "method": "billingcode_v4",
        "data": {
            "header": [
                *("ref", "sandbox", "sandbox-password", "01-01-2026 09:00:00", "999", "99", "999999", "F", "1"),
                *("650000", "CONTOH", "425211", "", "9974014101900001"),
            ],
            "detail": [["CONTOH", "000001", "9999999", "425211", "650000", "1", "Paspor", "650000", "", ""]],
        },
    }


def test_an_inquiry_has_seven_positions():
    assert positional.status_request(BillQuery(billing_code="820990000000001"), SETTINGS) == {
        "method": "inquirybilling_v2",
        "data": ["820990000000001", "sandbox", "sandbox-password", "820990000000001", "999", "99", "999999"],
    }


def test_an_answer_is_read_by_its_positions():
    data = ["T", "NTB1", "NTPN1", "01-02-2026 01:30:00", "999", "7012", "01-02-2026"]
    answer = positional.status_answer(wire.Positional(code="00", data=data))
    assert answer.data is not None
    assert (answer.data.ntb, answer.data.ntpn, answer.data.channel, answer.data.booked) == (
        "NTB1",
        "NTPN1",
        "7012",
        "01-02-2026",
    )


def test_a_number_that_lost_its_quotes_is_read_as_text():
    verdict = positional.bill_verdict(
        wire.Positional(code="00", data=["T", 820990000000001, "01-02-2026 01:30:00", "01-02-2026 03:30:00"])
    )
    assert verdict.data is not None
    assert verdict.data.billing_code == "820990000000001"


@pytest.mark.parametrize("data", [None, "", [], ["T", "820990000000001", "01-02-2026 01:30:00"], [1] * 5])
def test_another_number_of_positions_is_bad_data(data):
    with pytest.raises(errors.BadData) as bad:
        positional.bill_verdict(wire.Positional(code="00", data=data))
    assert bad.value.field == "data"


def test_a_message_in_place_of_data_tells_expired_from_unpaid():
    assert positional.status_answer(wire.Positional(code="NF", data="Billing expired")).message == "Billing expired"
