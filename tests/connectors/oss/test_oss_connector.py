from datetime import UTC, datetime

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.oss import sandbox as office
from connectors.oss.connector import Oss
from connectors.oss.requests import BusinessInquiry, DocumentQuery, LicenceReport, LicenceStatusReport, NibQuery
from connectors.toolkit import errors, holdings
from connectors.toolkit.population import Population

PEOPLE = Population()
FIRM = holdings.business(PEOPLE, PEOPLE.family(10))
OSS_ID, ID_IZIN, ID_PROYEK = office.ids(10)
ABOUT = {"nib": FIRM.nib, "oss_id": OSS_ID, "id_izin": ID_IZIN, "kd_izin": office.LICENCE_CODE, "id_proyek": ID_PROYEK}
STATUS = LicenceStatusReport(**ABOUT, status="41", note="Menunggu konfirmasi")
FINAL = LicenceReport(**ABOUT, kd_daerah=office.AREA_CODE, number="503/1/PBG/9901", issued_on="2026-02-01")


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running(["oss"]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies["oss"].reset()
    return server


@pytest.fixture
def oss(sandbox):
    with Oss(sandbox.settings("oss"), now=lambda: datetime(2026, 2, 1, 17, 30, tzinfo=UTC)) as connector:
        yield connector


@pytest.mark.parametrize("by", [{"nib": FIRM.nib}, {"npwp": FIRM.npwp}, {"npwp": f"0{FIRM.npwp}"}])
def test_a_business_is_found_by_nib_and_by_npwp_of_either_length(oss, by):
    found = oss.inquire_nib(BusinessInquiry(**by))

    assert (found.nib, found.name, found.status) == (FIRM.nib, FIRM.name, "active")
    assert (found.npwp, found.owner_nik) == (f"0{FIRM.npwp}", FIRM.owner.nik)
    assert [(project.kbli, project.id_proyek) for project in found.projects] == [(FIRM.kbli, ID_PROYEK)]


def test_a_check_names_the_firm_another_way_than_an_inquiry(oss):
    found = oss.check_nib(NibQuery(nib=FIRM.nib))

    assert (found.name, found.status, found.owner_nik) == (FIRM.name, "active", None)


def test_not_found_is_400_and_rejected(oss):
    for ask in (
        lambda: oss.check_nib(NibQuery(nib="9900000000101")),
        lambda: oss.inquire_nib(BusinessInquiry(npwp="0990000001999000")),
    ):
        with pytest.raises(errors.Rejected) as caught:
            ask()
        assert caught.value.code == "400"


def test_a_report_is_found_by_the_reference_in_its_note_whatever_the_wrapper_is_called(sandbox, oss):
    assert oss.find_licence_status(STATUS, reference="R-1") is None
    sent = oss.send_licence_status(STATUS, reference="R-1")

    assert (sent.status, sent.status_at.isoformat()) == ("41", "2026-02-02T00:30:00+07:00")
    for _ in office._WRAPPERS:
        assert oss.find_licence_status(STATUS, reference="R-1") == sent
    # A second stop of the clock is another report, although it says the same.
    assert oss.find_licence_status(STATUS, reference="R-2") is None
    assert sandbox.app.agencies["oss"].writes["send_licence_status"] == {"R-1": 1}


def test_a_licence_is_found_by_our_reference(oss):
    sent = oss.send_licence(FINAL, reference="R-1")

    assert (sent.number, sent.status, sent.reference) == ("503/1/PBG/9901", "50", "R-1")
    assert oss.find_licence(FINAL, reference="R-1") == sent
    assert oss.find_licence(FINAL, reference="R-2") is None


def test_a_lost_answer_is_in_doubt_and_found_afterwards(sandbox, oss):
    fault = {"operation": "send_licence_status", "faults": [{"kind": "drop", "after_write": True}]}
    sandbox_app.script(sandbox.app, {"oss": [fault]})

    with pytest.raises(errors.InDoubt):
        oss.send_licence_status(STATUS, reference="R-1")

    assert oss.find_licence_status(STATUS, reference="R-1").status == "41"


def test_a_report_on_an_unknown_business_is_our_mistake_not_the_citizens(oss):
    with pytest.raises(errors.BadData) as caught:
        oss.send_licence_status(STATUS.model_copy(update={"nib": "9900000000101"}), reference="R-1")

    assert (caught.value.code, caught.value.owner) == ("400", "us")


def test_a_wrong_key_stops_the_connector(sandbox):
    wrong = sandbox.settings("oss").model_copy(update={"user_key": SecretStr("guess")})
    with Oss(wrong) as connector, pytest.raises(errors.Misconfigured) as caught:
        connector.check_nib(NibQuery(nib=FIRM.nib))

    assert caught.value.code == "401"


def test_the_wire_is_as_the_contract_shows_it(sandbox):
    base, key = sandbox.settings("oss").base_url, {"user_key": office.USER_KEY}
    asked = requests.post(f"{base}/inqueryNIB", json={"INQUERYNIB": {"nib": FIRM.nib}}, headers=key, timeout=10).json()

    data = asked["responinqueryNIB"]["dataNIB"]
    assert (data["no_npp"], data["no_va"], data["no_wlkp"], data["tipe_dokumen "]) == ("", " ", None, "9")
    assert len(data["npwp_perseroan"]) == 15

    short = {"INQUERYNIB": {"npwp": FIRM.npwp}}
    refused = requests.post(f"{base}/inqueryNIB", json=short, headers=key, timeout=10).json()
    assert refused["responinqueryNIB"]["kode"] == 400


def test_a_document_of_oss_own_server_is_fetched_without_our_key(sandbox, oss):
    found = oss.get_document(DocumentQuery(url=f"{sandbox.url}/oss/files/izin.pdf"))

    assert (found.media_type, len(found.sha256)) == ("application/pdf", 64)
    with pytest.raises(errors.BadData) as caught:
        oss.get_document(DocumentQuery(url=f"{sandbox.url}/oss/nothing.pdf"))
    assert caught.value.code == "HTTP_404"


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:1", "https://127.0.0.1", "http://x@{own}", "http://{own}@127.0.0.1:1"]
)
def test_a_document_anywhere_else_goes_through_the_guard(sandbox, oss, host):
    url = f"{host.format(own=sandbox.url.removeprefix('http://'))}/oss/files/izin.pdf"

    with pytest.raises(errors.BadData) as caught:
        oss.get_document(DocumentQuery(url=url))
    assert caught.value.code == "FORBIDDEN_ADDRESS"
