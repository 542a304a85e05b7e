from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simponi import mapping, verdicts, wire
from connectors.simponi.requests import BillQuery, BillRequest
from connectors.simponi.settings import SimponiSettings
from connectors.toolkit import errors

SETTINGS = SimponiSettings(
    base_url="http://127.0.0.1:1",
    user_id="user",
    password="pass",
    ministry_code="999",
    unit_code="99",
    office_code="999999",
    regulation_code="2019028",
    account_code="425211",
)
REQUEST = BillRequest(payer_name="CONTOH", tariff_code="000001", amount=Decimal(650000), description="Paspor")
QUERY = BillQuery(billing_code="820990000000001")


def status(code="NF", message=None, **data):
    return wire.StatusAnswer.model_validate(
        {"ResponseCode": code, "ResponseMessage": message, "ResponseData": data or None}
    )


def test_times_are_written_in_jakarta_time():
    assert mapping.written(datetime(2026, 1, 31, 18, 30, tzinfo=UTC)) == "01-02-2026 01:30:00"


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_a_time_survives_being_written_and_read(seconds):
    at = datetime.fromtimestamp(seconds, UTC)
    assert mapping.moment(mapping.written(at), "Date") == at


def test_the_other_order_of_year_and_day_is_read_too():
    assert mapping.moment("2026-02-01 01:30:00", "Date") == datetime(2026, 1, 31, 18, 30, tzinfo=UTC)


def test_an_unreadable_time_is_bad_data_that_names_the_field():
    with pytest.raises(errors.BadData) as bad:
        mapping.moment("tomorrow", "ExpiredDate")
    assert bad.value.field == "ExpiredDate"


def test_a_bill_expires_as_many_minutes_after_now_as_asked_for():
    body = mapping.payment_request(REQUEST, SETTINGS, reference="ref", now=datetime(2026, 1, 1, tzinfo=UTC))
    header = body["data"]["PaymentHeader"]
    assert (header["DateSent"], header["ExpiredDate"]) == ("01-01-2026 07:00:00", "01-01-2026 09:00:00")
    assert (header["TrxId"], header["TotalNominalBilling"]) == ("ref", "650000")


def test_part_of_a_rupiah_cannot_be_billed():
    with pytest.raises(ValueError, match="whole number"):
        BillRequest(payer_name="X", tariff_code="1", amount=Decimal("1.50"), description="x")


def test_a_bill_without_a_billing_code_is_bad_data():
    with pytest.raises(errors.BadData) as bad:
        mapping.bill(wire.BillData(expires="01-01-2026 09:00:00"), REQUEST, reference="ref")
    assert bad.value.field == "KodeBillingSimponi"


def test_paid_means_a_code_and_an_ntpn():
    payment = mapping.payment(
        status(
            "00",
            NTPN="NTPN1",
            NTB="NTB1",
            TrxDate="01-02-2026 01:30:00",
            ChannelPembayaran="7012",
            TglBuku="01-02-2026",
        ),
        QUERY,
    )
    assert (payment.status, payment.ntpn, payment.ntb, payment.channel) == ("paid", "NTPN1", "NTB1", "7012")
    assert (payment.paid_at, payment.booked_on) == (datetime(2026, 1, 31, 18, 30, tzinfo=UTC), date(2026, 2, 1))


@pytest.mark.parametrize("data", [{}, {"NTPN": " "}, {"NTB": "NTB1"}])
def test_a_good_code_without_an_ntpn_never_counts_as_payment(data):
    with pytest.raises(errors.BadData) as bad:
        mapping.payment(status("00", **data), QUERY)
    assert bad.value.field == "NTPN"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (None, "unpaid"),
        ("Data Pembayaran Tidak Ditemukan", "unpaid"),
        ("Kode Billing Belum Dibayar", "unpaid"),
        ("Kode Billing Kadaluarsa", "expired"),
        ("Kode billing sudah kedaluwarsa", "expired"),
        ("Billing expired", "expired"),
    ],
)
def test_not_found_among_payments_is_unpaid_unless_the_agency_says_expired(message, expected):
    assert mapping.payment(status(message=message), QUERY).status == expected


def test_a_billing_code_that_was_never_issued_is_rejected():
    with pytest.raises(errors.Rejected):
        mapping.payment(status(message="Kode Billing Tidak Terdaftar"), QUERY)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("30", errors.Misconfigured),
        ("99", errors.BadData),
        ("ID", errors.BadData),
        ("IS", errors.Misconfigured),
        ("IU", errors.Misconfigured),
        ("GE", errors.Retriable),
        ("ge ", errors.Retriable),
        ("77", errors.BadData),
    ],
)
def test_every_code_of_the_contract_is_named_by_what_to_do_next(code, kind):
    assert type(verdicts.verdict(code)) is kind


def test_only_double_zero_is_good():
    assert verdicts.verdict("00") is None
