from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.bapenda.connector import Bapenda
from connectors.bapenda.requests import PropertyTaxQuery
from connectors.bpn import mapping, sandbox, verdicts, wire
from connectors.bpn.connector import Bpn
from connectors.bpn.requests import CertificateQuery, TransferQuery, TransferRegistration
from connectors.toolkit import errors, holdings
from connectors.toolkit.examples import Scene

AGENCY = "bpn"
NOP = "990100100100100010"


class Clock:
    """A clock that tests turn."""

    def __init__(self):
        self.at = datetime(2026, 3, 2, 3, tzinfo=UTC)

    def __call__(self):
        return self.at


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def server(clock):
    with sandbox_app.running([AGENCY, "bapenda"], clock=clock) as running:
        yield running


@pytest.fixture
def agency(server, clock):
    clock.at = Clock().at
    server.app.agencies[AGENCY].reset()
    return server.app.agencies[AGENCY]


@pytest.fixture
def world(server):
    return server.app.world


@pytest.fixture
def bpn(server, agency, clock):
    with Bpn(server.settings(AGENCY), now=clock) as connector:
        yield connector


@pytest.fixture
def sale(bpn, world):
    def of(number, **changes):
        made = {**sandbox.EXAMPLES["register_transfer"](Scene(bpn, world, number)), **changes}
        return TransferRegistration.model_validate(made)

    return of


def script(server, operation, fault, **match):
    requests.post(
        f"{server.url}/_sandbox/{AGENCY}/faults",
        json=[{"operation": operation, "match": match, "faults": [fault]}],
        timeout=10,
    ).raise_for_status()


def test_a_certificate_says_whose_it_is_and_what_stands_against_a_transfer(bpn, world):
    parcel = holdings.parcel(world, world.population.family(0))
    found = bpn.check_certificate(CertificateQuery(certificate_number=parcel.certificate))
    assert (found.status, found.owner_nik, found.nop, found.note) == ("active", parcel.owner.nik, parcel.nop, None)
    blocked = holdings.parcel(world, world.population.family(49))
    assert bpn.check_certificate(CertificateQuery(certificate_number=blocked.certificate)).status == "blocked"
    with pytest.raises(errors.Rejected):
        bpn.check_certificate(CertificateQuery(certificate_number="HM.990101.99999"))


def test_after_a_registration_both_offices_name_the_same_owner_and_the_deed_is_the_days(bpn, server, world, sale):
    request = sale(3)
    made = bpn.register_transfer(request, reference="LAND-1")
    assert (made.status, made.buyer_nik, made.reference) == ("completed", request.buyer_nik, "LAND-1")
    assert bpn.get_transfer(TransferQuery(registration_number=made.registration_number)) == made
    certificate = bpn.check_certificate(CertificateQuery(certificate_number=request.certificate_number))
    with Bapenda(server.settings("bapenda")) as bapenda:
        listed = bapenda.get_property_tax(PropertyTaxQuery(nop=request.nop))
    assert certificate.owner_nik == listed.owner_nik == request.buyer_nik
    (change,) = bpn.land_deeds(None).changes
    assert change.subject == change.record.nop == request.nop
    assert (change.record.deed_number, change.record.ntpd) == (request.deed_number, request.ntpd)
    assert (change.record.deed_date, change.record.owner_npwp) == (request.deed_date, None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certificate_number": "HM.990101.99999"}, "10"),
        ({"certificate_number": "HM.990101.00050"}, "11"),
        ({"seller_nik": "9974014101900001"}, "12"),
        ({"buyer_nik": "9974014101900001"}, "13"),
        ({"ntpd": "1"}, "14"),
        ({"nop": "9" * 18}, "15"),
    ],
)
def test_every_business_refusal_has_its_reason_and_registers_nothing(bpn, agency, sale, changes, code):
    with pytest.raises(errors.Rejected) as no:
        bpn.register_transfer(sale(0, **changes), reference="LAND-1")
    assert no.value.code == code
    assert not agency.writes


def test_a_registration_in_doubt_is_found_by_our_reference_and_was_made_once(bpn, server, agency, sale):
    request = sale(5)
    script(server, "register_transfer", {"kind": "drop", "after_write": True}, reference="LAND-1")
    with pytest.raises(errors.InDoubt):
        bpn.register_transfer(request, reference="LAND-1")
    assert bpn.find_transfer(request, reference="LAND-1").buyer_nik == request.buyer_nik
    assert bpn.find_transfer(request, reference="LAND-2") is None
    assert agency.writes["register_transfer"] == {"LAND-1": 1}


def test_a_wrong_password_is_our_misconfiguration_over_rest_and_soap(server, agency, sale):
    request = sale(1)
    with Bpn(server.settings(AGENCY).model_copy(update={"password": SecretStr("not-it")})) as connector:
        for call in (
            lambda: connector.check_certificate(CertificateQuery(certificate_number=request.certificate_number)),
            lambda: connector.register_transfer(request, reference="LAND-1"),
            lambda: connector.land_deeds(None),
        ):
            with pytest.raises(errors.Misconfigured) as refused:
                call()
            assert "not-it" not in str(refused.value)


def test_days_are_pulled_one_by_one_and_today_until_it_is_over(bpn, clock, sale):
    assert bpn.land_deeds(None).cursor == "2026-03-02"
    bpn.register_transfer(sale(0), reference="LAND-1")
    first = bpn.land_deeds("2026-03-02")
    assert (len(first.changes), first.cursor, first.more) == (1, "2026-03-02", False)
    bpn.register_transfer(sale(1), reference="LAND-2")
    again = bpn.land_deeds("2026-03-02")
    assert again.changes[0].id == first.changes[0].id
    assert len({change.id for change in again.changes}) == 2
    clock.at += timedelta(days=2)
    over = bpn.land_deeds("2026-03-02")
    assert ([change.id for change in over.changes], over.cursor, over.more) == (
        [change.id for change in again.changes],
        "2026-03-03",
        True,
    )
    empty = bpn.land_deeds(over.cursor)
    assert (list(empty.changes), empty.cursor, empty.more) == ([], "2026-03-04", True)
    assert (bpn.land_deeds(empty.cursor).cursor, bpn.land_deeds(empty.cursor).more) == ("2026-03-04", False)


def test_a_day_ends_by_western_indonesian_time(bpn, clock):
    clock.at = datetime(2026, 3, 2, 16, 59, tzinfo=UTC)
    assert bpn.land_deeds(None).cursor == "2026-03-02"
    clock.at = datetime(2026, 3, 2, 17, 1, tzinfo=UTC)
    assert bpn.land_deeds(None).cursor == "2026-03-03"


def test_a_clock_that_was_set_back_pulls_no_day_that_has_not_come(bpn, agency):
    page = bpn.land_deeds("2026-04-01")
    assert (page.changes, page.cursor, page.more) == ((), "2026-04-01", False)
    assert not agency.calls


def test_the_first_pull_begins_where_the_settings_say(server, agency, clock):
    since = server.settings(AGENCY).model_copy(update={"deeds_since": date(2026, 2, 27)})
    with Bpn(since, now=clock) as connector:
        assert connector.land_deeds(None).cursor == "2026-02-28"


def test_the_days_deeds_are_had_by_form_too(server, agency):
    reply = requests.post(
        f"{server.url}/bpn/BPNApiService/Api/BPHTB/getDataATRBPN",
        data={"USERNAME": sandbox.USERNAME, "PASSWORD": sandbox.PASSWORD, "TANGGAL": "31/01/2024"},
        timeout=5,
    )
    assert reply.json() == {"result": []}


def test_a_deed_is_read_however_it_is_written():
    found = mapping.deed(
        {
            "NOMOR_AKTA": " 12/2024 ",
            "TANGGAL_AKTA": "31/01/2024",
            "NAMA_PPAT": "-",
            "NOP": "99.01.001.001.001-0001.0",
            "NTPD": "",
            "KOORDINAT_X": "106.827",
            "KOORDINAT_Y": "-6,175",
            "NIK": "0",
            "NPWP": "99.000.000.0-999.000",
            "NAMA_WP": "PT CONTOH",
            "LUASTANAH_OP": 123.456,
            "JENIS_HAK": "Hak Guna Bangunan",
        }
    )
    assert (found.deed_number, found.deed_date, found.nop) == ("12/2024", date(2024, 1, 31), NOP)
    assert (found.longitude, found.latitude, found.land_area) == (106.827, -6.175, Decimal("123.46"))
    assert (found.owner_nik, found.owner_npwp, found.notary_name, found.ntpd) == (None, "990000000999000", None, None)
    assert found.address is None
    grid = mapping.deed({"NOMOR_AKTA": "1", "KOORDINAT_X": "701234.5", "KOORDINAT_Y": "9312345.6"})
    assert (grid.longitude, grid.latitude) == (None, None)


def test_a_deeds_id_tells_nothing_and_changes_with_what_the_deed_says():
    one = mapping.deed({"NOMOR_AKTA": "12/2024", "NOP": NOP, "LUASTANAH_OP": 89.0})
    corrected = mapping.deed({"NOMOR_AKTA": "12/2024", "NOP": NOP, "LUASTANAH_OP": 98.0})
    assert mapping.change(one).id == mapping.change(one).id != mapping.change(corrected).id
    assert NOP not in mapping.change(one).id


@pytest.mark.parametrize(
    "row",
    [{"NOMOR_AKTA": "-"}, {"NOMOR_AKTA": "1", "TANGGAL_AKTA": "besok"}, {"NOMOR_AKTA": "1", "KOORDINAT_X": "timur"}],
)
def test_a_deed_that_cannot_be_read_is_bad_data_that_names_its_field(row):
    with pytest.raises(errors.BadData) as bad:
        mapping.deed(row)
    assert bad.value.field in row


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"respon_code": "SERTIPIKAT tidak  ditemukan"}, errors.Rejected),
        ({"respon_code": "username atau password salah"}, errors.Misconfigured),
        ({"respon_code": "Entah"}, errors.BadData),
        ({"result": "teks"}, errors.BadData),
        ({}, errors.BadData),
    ],
)
def test_every_refusal_becomes_its_error(body, kind):
    with pytest.raises(kind):
        verdicts.result(wire.Envelope(**body))


@pytest.mark.parametrize(
    ("code", "kind"),
    [("01", errors.Misconfigured), ("20", errors.BadData), ("99", errors.Retriable), ("x", errors.BadData)],
)
def test_every_soap_code_becomes_its_error(code, kind):
    assert isinstance(verdicts.verdict(code), kind)
