import pytest
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.dpmptsp import mapping
from connectors.dpmptsp.connector import Dpmptsp
from connectors.dpmptsp.requests import PermitIssue, PermitQuery, PermitRegistration, PermitWithdrawal
from connectors.toolkit import errors, holdings
from connectors.toolkit.population import Population

PEOPLE = Population()
FIRM = holdings.business(PEOPLE, PEOPLE.family(10))
ASKED = PermitRegistration(kind="pbg", nib=FIRM.nib, holder_nik=FIRM.owner.nik, holder_name=FIRM.owner.name)


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running(["dpmptsp"]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies["dpmptsp"].reset()
    return server


@pytest.fixture
def office(sandbox):
    with Dpmptsp(sandbox.settings("dpmptsp")) as connector:
        yield connector


def test_a_permit_is_registered_inspected_issued_and_withdrawn(office):
    made = office.register_permit(ASKED, reference="R-1")
    asked = PermitQuery(registration=made.registration)

    assert (made.kind, made.status, made.nib, made.number, made.issued_on) == ("pbg", "45", FIRM.nib, None, None)
    assert office.inspection_result(asked).inspection.passed
    issued = office.issue_permit(PermitIssue(registration=made.registration, valid_until="2031-02-01"), reference="R-2")
    assert (issued.status, issued.issued_on is not None) == ("58", True)
    assert office.get_permit(asked).number == issued.number
    gone = office.withdraw_permit(PermitWithdrawal(registration=made.registration, reason="Batal"), reference="R-3")
    assert (gone.status, gone.withdrawn_on is not None) == ("90", True)


def test_each_write_is_found_by_its_own_reference(office):
    made = office.register_permit(ASKED, reference="R-1")
    issue = PermitIssue(registration=made.registration)
    withdrawal = PermitWithdrawal(registration=made.registration, reason="Batal")
    assert office.find_issue(issue, reference="R-1") is None

    issued = office.issue_permit(issue, reference="R-1")
    gone = office.withdraw_permit(withdrawal, reference="R-1")

    assert office.find_registration(ASKED, reference="R-1") == made
    assert office.find_issue(issue, reference="R-1") == issued
    assert office.find_withdrawal(withdrawal, reference="R-1") == gone


def test_what_fails_its_inspection_is_not_issued(office):
    made = office.register_permit(ASKED.model_copy(update={"description": "Gudang roboh"}), reference="R-1")

    assert not office.inspection_result(PermitQuery(registration=made.registration)).inspection.passed
    with pytest.raises(errors.Rejected) as caught:
        office.issue_permit(PermitIssue(registration=made.registration), reference="R-2")
    assert caught.value.code == "INSPECTION"


def test_the_offices_noes_are_rejections_with_a_reason(office):
    made = office.register_permit(ASKED, reference="R-1")
    office.withdraw_permit(PermitWithdrawal(registration=made.registration, reason="Batal"), reference="R-2")
    asks = {
        "NOT_FOUND": lambda: office.get_permit(PermitQuery(registration="REG-0")),
        "HOLDER": lambda: office.register_permit(ASKED.model_copy(update={"nib": "9900000000101"}), reference="R-3"),
        "WITHDRAWN": lambda: office.issue_permit(PermitIssue(registration=made.registration), reference="R-4"),
    }
    for code, ask in asks.items():
        with pytest.raises(errors.Rejected) as caught:
            ask()
        assert caught.value.code == code


def test_a_lost_answer_is_in_doubt_and_found_afterwards(sandbox, office):
    fault = {"operation": "register_permit", "faults": [{"kind": "drop", "after_write": True}]}
    sandbox_app.script(sandbox.app, {"dpmptsp": [fault]})

    with pytest.raises(errors.InDoubt):
        office.register_permit(ASKED, reference="R-1")

    assert office.find_registration(ASKED, reference="R-1").kind == "pbg"


def test_a_wrong_token_stops_the_connector(sandbox):
    wrong = sandbox.settings("dpmptsp").model_copy(update={"token": SecretStr("guess")})
    with Dpmptsp(wrong) as connector, pytest.raises(errors.Misconfigured):
        connector.get_permit(PermitQuery(registration="REG-1"))


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"no_pendaftaran": " "}, "no_pendaftaran"),
        ({"kd_status": "99"}, "kd_status"),
        ({"pemeriksaan": {"hasil": "mungkin"}}, "pemeriksaan.hasil"),
        ({"tgl_daftar": "kemarin"}, "tgl_daftar"),
    ],
)
def test_what_cannot_be_read_is_bad_data_that_names_the_field(row, field):
    with pytest.raises(errors.BadData) as caught:
        mapping.permit({"no_pendaftaran": "REG-1", "jenis_izin": "PBG", "kd_status": 58} | row)

    assert caught.value.field == field
