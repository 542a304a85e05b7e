from decimal import Decimal

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.bapenda import mapping, sandbox, verdicts, wire
from connectors.bapenda.connector import Bapenda
from connectors.bapenda.requests import (
    OwnerChange,
    PropertyTaxQuery,
    TransferAssessment,
    TransferTaxBill,
    TransferTaxBillQuery,
    TransferTaxQuery,
)
from connectors.toolkit import errors, holdings
from connectors.toolkit.examples import Scene

AGENCY = "bapenda"
NOP = "990100100100100010"


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture
def agency(server):
    server.app.agencies[AGENCY].reset()
    return server.app.agencies[AGENCY]


@pytest.fixture
def world(server):
    return server.app.world


@pytest.fixture
def bapenda(server, agency):
    with Bapenda(server.settings(AGENCY)) as connector:
        yield connector


@pytest.fixture
def bill(bapenda, world):
    request = TransferTaxBill.model_validate(sandbox.EXAMPLES["bill_transfer_tax"](Scene(bapenda, world, 3)))
    return bapenda.bill_transfer_tax(request, reference="SALE-1")


def pay(server, payment_code):
    return requests.post(f"{server.url}/_sandbox/{AGENCY}/pay", json={"payment_code": payment_code}, timeout=10)


@pytest.mark.parametrize("index", [0, 1, 2, 3, 6])
def test_every_way_of_writing_a_property_gives_the_same_record(bapenda, world, index):
    parcel = holdings.parcel(world, world.population.family(index))
    found = bapenda.get_property_tax(PropertyTaxQuery(nop=parcel.nop, year=2024))
    assert (found.nop, found.status, found.year) == (parcel.nop, "settled", 2024)
    assert found.owner_nik == (None if index == 6 else parcel.owner.nik)
    assert found.land_area == parcel.land_area


def test_arrears_are_told_and_stop_a_bill(bapenda, world):
    parcel = holdings.parcel(world, world.population.family(19))
    assert bapenda.get_property_tax(PropertyTaxQuery(nop=parcel.nop)).status == "arrears"
    assessed = bapenda.assess_transfer_tax(TransferAssessment(nop=parcel.nop, price=Decimal(10**9)))
    request = TransferTaxBill(
        nop=parcel.nop,
        buyer_nik=world.population.family(0).mother.nik,
        buyer_name="Contoh",
        value=assessed.value,
        amount=assessed.amount,
    )
    with pytest.raises(errors.Rejected) as no:
        bapenda.bill_transfer_tax(request, reference="SALE-1")
    assert no.value.code == verdicts.PBB_UNPAID


@pytest.mark.parametrize(
    ("price", "acquisition", "value", "amount"),
    [
        (1_000_000_001, "sale", 1_000_000_001, 46_000_000),
        (1, "sale", 103_200_000, 1_160_000),
        (1, "inheritance", 103_200_000, 0),
        (400_000_000, "bequest", 400_000_000, 5_000_000),
    ],
)
def test_the_tax_is_five_per_cent_of_what_lies_above_the_threshold(bapenda, price, acquisition, value, amount):
    found = bapenda.assess_transfer_tax(TransferAssessment(nop=NOP, price=price, acquisition=acquisition))
    assert (found.status, found.value, found.amount) == ("assessed", value, amount)
    assert found.assessed_value == 60 * 1_000_000 + 36 * 1_200_000


def test_a_bill_is_paid_when_its_ntpd_appears_and_the_property_then_changes_its_name(bapenda, server, agency, bill):
    query = TransferTaxBillQuery(nop=bill.nop, payment_code=bill.payment_code)
    assert (bill.status, bill.ntpd, bill.reference) == ("unpaid", None, "SALE-1")
    assert bapenda.get_transfer_tax_bill(query) == bill
    assert pay(server, bill.payment_code).json() == pay(server, bill.payment_code).json()
    paid = bapenda.get_transfer_tax_bill(query)
    proof = bapenda.get_transfer_tax(TransferTaxQuery(nop=bill.nop, ntpd=paid.ntpd))
    assert (proof.status, proof.amount, proof.buyer_nik) == ("paid", bill.amount, bill.buyer_nik)
    change = OwnerChange(nop=bill.nop, nik=bill.buyer_nik, name=bill.buyer_name, ntpd=paid.ntpd)
    listed = bapenda.rename_owner(change, reference="NAME-1")
    assert listed.owner_nik == bill.buyer_nik
    assert bapenda.find_owner_change(change, reference="NAME-1") == listed
    assert bapenda.find_owner_change(change, reference="NAME-2") is None
    assert agency.writes["rename_owner"] == {"NAME-1": 1}


def test_nobody_is_listed_on_another_persons_payment(bapenda, world):
    parcel = holdings.ordinary_parcel(world, 5)
    stranger = world.population.family(0).mother
    change = OwnerChange(nop=parcel.nop, nik=stranger.nik, name=stranger.name, ntpd=sandbox.first_ntpd(parcel))
    with pytest.raises(errors.Rejected):
        bapenda.rename_owner(change, reference="NAME-1")


def test_rates_other_than_the_offices_stop_the_connector(server, agency, world):
    other = server.settings(AGENCY).model_copy(update={"transfer_tax_threshold": Decimal(60_000_000)})
    with Bapenda(other) as connector:
        request = TransferTaxBill.model_validate(sandbox.EXAMPLES["bill_transfer_tax"](Scene(connector, world, 4)))
        with pytest.raises(errors.Misconfigured) as wrong:
            connector.bill_transfer_tax(request, reference="SALE-1")
    assert wrong.value.code == "TARIFF"


def test_a_wrong_password_is_our_misconfiguration(server, agency):
    wrong = server.settings(AGENCY).model_copy(update={"password": SecretStr("not-it")})
    with Bapenda(wrong) as connector, pytest.raises(errors.Misconfigured) as refused:
        connector.get_property_tax(PropertyTaxQuery(nop=NOP))
    assert "not-it" not in str(refused.value)


def test_what_nobody_has_is_rejected(bapenda):
    for call in (
        lambda: bapenda.get_property_tax(PropertyTaxQuery(nop="9" * 18)),
        lambda: bapenda.get_transfer_tax(TransferTaxQuery(nop=NOP, ntpd="9")),
        lambda: bapenda.get_transfer_tax_bill(TransferTaxBillQuery(nop=NOP, payment_code="9")),
    ):
        with pytest.raises(errors.Rejected):
            call()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"respon_code": " nop TIDAK  ditemukan "}, errors.Rejected),
        ({"respon_code": "USERNAME ATAU PASSWORD SALAH"}, errors.Misconfigured),
        ({"respon_code": "Entah"}, errors.BadData),
        ({"respon_code": "OK"}, errors.BadData),
        ({"result": [], "respon_code": "OK"}, errors.BadData),
        ({}, errors.BadData),
    ],
)
def test_every_refusal_becomes_its_error(body, kind):
    with pytest.raises(kind):
        verdicts.result(wire.Envelope(**body))


def test_a_result_without_a_response_code_is_good():
    assert verdicts.result(wire.Envelope(result={"NOP": NOP})) == {"NOP": NOP}


@pytest.mark.parametrize(
    "row",
    [
        {"NOP": "9" * 18, "STATUS_TUNGGAKAN": "100% Lunas"},
        {"NOP": NOP, "STATUS_TUNGGAKAN": "entah"},
        {"NOP": NOP, "LUASTANAH_OP": "luas"},
        {"NOP": None},
    ],
)
def test_what_cannot_be_read_is_bad_data_that_names_its_field(row):
    with pytest.raises(errors.BadData) as bad:
        mapping.property_tax(row, NOP)
    assert bad.value.field in row


def test_a_payment_without_its_ntpd_is_no_payment():
    row = {"KODE_BAYAR": "1", "NOP": NOP, "STATUS": "Y", "NTPD": ""}
    with pytest.raises(errors.BadData):
        mapping.bill(row, NOP)
