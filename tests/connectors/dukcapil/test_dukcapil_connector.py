import json
from datetime import date, datetime, timedelta

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.dukcapil import sandbox as office
from connectors.dukcapil.connector import Dukcapil
from connectors.dukcapil.requests import (
    BirthRegistration,
    ChildCardRequest,
    FamilyCardRequest,
    FamilyQuery,
    NewbornChild,
    PersonQuery,
    PersonVerification,
)
from connectors.toolkit import errors
from connectors.toolkit.population import WIB, Population, SandboxWorld
from connectors.toolkit.sandbox import Incoming

PEOPLE = Population()
FAMILY = PEOPLE.family(3)
NOBODY = "9999990101909999"


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running(["dukcapil"]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies["dukcapil"].reset()
    return server


@pytest.fixture
def settings(sandbox):
    return sandbox.settings("dukcapil")


@pytest.fixture
def dukcapil(settings):
    with Dukcapil(settings) as connector:
        yield connector


@pytest.fixture
def birth(dukcapil):
    child = NewbornChild(
        name="Contoh Bayi",
        sex="female",
        birth_date=datetime.now(WIB).date() - timedelta(days=7),
        birth_place="Kota Contoh",
        birth_weight_grams=3100,
        order=3,
    )
    return BirthRegistration(child=child, family=dukcapil.get_family(FamilyQuery(nkk=FAMILY.nkk)))


def test_a_resident_comes_with_name_family_and_address(dukcapil):
    person = dukcapil.get_person(PersonQuery(nik=FAMILY.mother.nik))

    assert (person.nik, person.nkk) == (FAMILY.mother.nik, FAMILY.nkk)
    assert (person.name, person.sex) == (FAMILY.mother.name.upper(), "female")
    assert person.birth_date == FAMILY.mother.birth_date
    assert (person.religion, person.blood_type) == (None, None)
    assert (person.address.rt, person.address.village_code) == (FAMILY.address.rt, FAMILY.address.village_code)


def test_a_family_comes_with_all_its_members(dukcapil):
    family = dukcapil.get_family(FamilyQuery(nkk=FAMILY.nkk))

    assert [member.nik for member in family.members] == [member.nik for member in FAMILY.members]
    assert [member.family_relation for member in family.members[:3]] == ["KEPALA KELUARGA", "ISTRI", "ANAK"]
    assert family.members[2].mother_nik == FAMILY.mother.nik
    assert family.address.street == FAMILY.address.street.upper()


@pytest.mark.parametrize(
    ("kind", "code"), [("deceased_father", "11"), ("duplicate_father", "12"), ("inactive_father", "14")]
)
def test_a_resident_with_something_wrong_is_rejected_with_the_agencys_code(dukcapil, kind, code):
    with pytest.raises(errors.Rejected) as caught:
        dukcapil.get_person(PersonQuery(nik=PEOPLE.family_with(kind).father.nik))

    assert caught.value.code == code
    assert caught.value.reason.id != caught.value.reason.en


def test_a_number_that_nobody_has_is_rejected(dukcapil):
    for ask in (
        lambda: dukcapil.get_person(PersonQuery(nik=NOBODY)),
        lambda: dukcapil.get_family(FamilyQuery(nkk=NOBODY)),
        lambda: dukcapil.verify_person(PersonVerification(nik=NOBODY, name="X", birth_date=date(1990, 1, 1))),
        lambda: dukcapil.issue_child_card(ChildCardRequest(nik=NOBODY), reference="R"),
        lambda: dukcapil.issue_family_card(FamilyCardRequest(nkk=NOBODY), reference="R"),
    ):
        with pytest.raises(errors.Rejected) as caught:
            ask()
        assert caught.value.code == "13"


def test_claimed_data_are_compared_element_by_element(dukcapil):
    match = dukcapil.verify_person(
        PersonVerification(
            nik=FAMILY.father.nik,
            name=FAMILY.father.name,
            birth_date=FAMILY.father.birth_date,
            sex="female",
            street="Gang Lain 5",
        )
    )

    assert {name: element.matches for name, element in match.elements.items()} == {
        "name": True,
        "birth_date": True,
        "sex": False,
        "street": False,
    }
    assert match.elements["name"].score == 100
    assert match.elements["sex"].score is None


def test_a_newborn_gets_a_number_and_a_deed_and_is_a_resident_from_then_on(dukcapil, birth):
    deed = dukcapil.register_birth(birth, reference="R-1")

    assert deed.nik.startswith(FAMILY.nkk[:6])
    assert (deed.name, deed.sex, deed.birth_date) == ("CONTOH BAYI", "female", birth.child.birth_date)
    assert (deed.mother_nik, deed.father_nik) == (FAMILY.mother.nik, FAMILY.father.nik)
    assert (deed.nkk, deed.reference) == (FAMILY.nkk, "R-1")
    assert dukcapil.get_person(PersonQuery(nik=deed.nik)).mother_nik == FAMILY.mother.nik
    assert deed.nik in [m.nik for m in dukcapil.get_family(FamilyQuery(nkk=FAMILY.nkk)).members]

    card = dukcapil.issue_child_card(ChildCardRequest(nik=deed.nik), reference="R-2")
    assert (card.nik, card.valid_until.year) == (deed.nik, birth.child.birth_date.year + 5)


def test_a_write_is_found_by_our_reference_and_an_unknown_reference_by_none(dukcapil, birth):
    deed = dukcapil.register_birth(birth, reference="R-1")
    family_card = dukcapil.issue_family_card(FamilyCardRequest(nkk=FAMILY.nkk, reason="birth"), reference="R-1")
    child_card = dukcapil.issue_child_card(ChildCardRequest(nik=deed.nik), reference="R-1")

    assert dukcapil.find_birth(birth, reference="R-1") == deed
    assert dukcapil.find_family_card(FamilyCardRequest(nkk=FAMILY.nkk), reference="R-1") == family_card
    assert dukcapil.find_child_card(ChildCardRequest(nik=deed.nik), reference="R-1") == child_card
    assert dukcapil.find_birth(birth, reference="R-2") is None


def test_a_look_up_without_an_answer_is_not_an_answer(sandbox, dukcapil, birth):
    sandbox_app.script(sandbox.app, {"dukcapil": [{"operation": "look_up", "faults": [{"kind": "status"}]}]})

    with pytest.raises(errors.Retriable):
        dukcapil.find_birth(birth, reference="R-1")


@pytest.mark.parametrize(("kind", "code"), [("duplicate_father", "12"), ("inactive_mother", "14")])
def test_a_birth_is_rejected_when_a_parent_is(sandbox, dukcapil, birth, kind, code):
    family = dukcapil.get_family(FamilyQuery(nkk=PEOPLE.family_with(kind).nkk))

    with pytest.raises(errors.Rejected) as caught:
        dukcapil.register_birth(birth.model_copy(update={"family": family}), reference="R-1")

    assert caught.value.code == code
    assert sandbox.app.agencies["dukcapil"].writes == {}


def test_a_child_may_be_born_after_its_fathers_death(sandbox, dukcapil, birth):
    family = dukcapil.get_family(FamilyQuery(nkk=PEOPLE.family_with("deceased_father").nkk))

    deed = dukcapil.register_birth(birth.model_copy(update={"family": family}), reference="R-1")

    assert deed.father_nik == PEOPLE.family_with("deceased_father").father.nik


def test_a_grown_up_gets_no_childs_card(dukcapil):
    with pytest.raises(errors.Rejected):
        dukcapil.issue_child_card(ChildCardRequest(nik=FAMILY.father.nik), reference="R")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"password": SecretStr("guess")}, "LOGIN"),
        ({"ip_user": "10.0.0.1"}, "IP"),
        ({"ip_user": ""}, "IP"),
    ],
)
def test_wrong_credentials_stop_the_connector(settings, wrong, code):
    with Dukcapil(settings.model_copy(update=wrong)) as connector, pytest.raises(errors.Misconfigured) as caught:
        connector.get_person(PersonQuery(nik=FAMILY.father.nik))

    assert caught.value.code == code


def test_a_used_up_quota_stops_the_connector_in_whatever_case_it_is_written(sandbox, dukcapil, monkeypatch):
    dukcapil.get_person(PersonQuery(nik=FAMILY.father.nik))
    assert dukcapil.quota_left == office.QUOTA - 1
    handler = sandbox.app.agencies["dukcapil"]._fixed["POST", f"/get_json/{office.CONSUMER}/CALL_NIK"].handler
    monkeypatch.setattr(handler.__closure__[1].cell_contents, "quota", 0)

    for _ in office.NO_QUOTA:
        with pytest.raises(errors.Misconfigured) as caught:
            dukcapil.get_person(PersonQuery(nik=FAMILY.father.nik))
        assert caught.value.code == "05"


def test_http_basic_is_sent_where_the_office_asks_for_it(settings):
    with Dukcapil(settings.model_copy(update={"basic_user": "u", "basic_password": SecretStr("p")})) as connector:
        assert connector.headers() == {"Authorization": "Basic dTpw"}


def test_the_wire_is_as_the_contract_shows_it(settings):
    login = {"user_id": office.USER_ID, "password": office.PASSWORD, "ip_user": office.IP_USER}
    answer = requests.post(f"{settings.base_url}/CALL_NIK", json={"nik": FAMILY.father.nik, **login}, timeout=10).json()

    assert answer.keys() >= {"content", "lastPage", "numberOfElements", "sort", "totalElements", "quotaLimiter"}
    row = answer["content"][0]
    assert (row["NIK"], row["NO_RT"]) == (int(FAMILY.father.nik), int(FAMILY.address.rt))
    assert "GOL_DARAH" not in row

    verify = {name.upper(): value for name, value in login.items()}
    verify |= {"NIK": FAMILY.father.nik, "TRESHOLD": 80, "TGL_LHR": FAMILY.father.birth_date.isoformat()}
    answer = requests.post(f"{settings.base_url}/CALL_VERIFY_BY_ELEMEN", json=verify, timeout=10).json()
    assert answer["content"] == [{"NIK": "Sesuai", "TGL_LHR": "Sesuai"}]


def test_a_refusal_comes_with_http_200_and_its_double_space(settings):
    answer = requests.post(
        f"{settings.base_url}/CALL_NIK", json={"user_id": office.USER_ID, "password": office.PASSWORD}, timeout=10
    )

    assert (answer.status_code, answer.json()["content"]) == (200, [{"RESPON": "IP Client  Tidak terdaftar"}])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b'{"nik": null}', b'{"nik": ["x"]}'])
def test_the_sandbox_survives_what_is_no_call(body):
    agency = office.build(SandboxWorld())
    route = agency._fixed["POST", f"/get_json/{office.CONSUMER}/CALL_NIK"]
    incoming = Incoming("POST", "/", {}, {}, {}, body)

    assert json.loads(route.handler(incoming).body)["content"] == [{"RESPON": "Login Gagal"}]
    assert route.fields(incoming)["nkk"] is None
