"""Deaths, marriages, moves and cards at the civil registry, and the feed that tells of them."""

from datetime import datetime

import pytest
import requests

from connectors import sandbox_app
from connectors.dukcapil import mapping
from connectors.dukcapil import sandbox as office
from connectors.dukcapil.connector import Dukcapil
from connectors.dukcapil.requests import PersonQuery, PersonVerification, UseReport
from connectors.toolkit import errors, holdings
from connectors.toolkit.errors import BadData
from connectors.toolkit.examples import Scene
from connectors.toolkit.population import WIB
from schemas.civil import Address

LOGIN = {"user_id": office.USER_ID, "password": office.PASSWORD, "ip_user": office.IP_USER}


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running(["dukcapil"]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies["dukcapil"].reset()
    return server


@pytest.fixture
def dukcapil(sandbox):
    with Dukcapil(sandbox.settings("dukcapil")) as connector:
        yield connector


@pytest.fixture
def scene(sandbox, dukcapil):
    return Scene(dukcapil, sandbox.app.world, 3)


def refused(ask, code):
    with pytest.raises(errors.Rejected) as caught:
        ask()
    assert caught.value.code == code


def test_every_operation_has_an_example_that_brings_its_record(scene):
    for name, operation in Dukcapil.operations().items():
        record = scene.call(name, office.EXAMPLES[name](scene))

        assert type(record) is operation.record


def test_every_write_is_found_by_our_reference_and_none_by_another(scene, dukcapil):
    for name, operation in Dukcapil.operations().items():
        if operation.effect == "write":
            request = operation.request.model_validate(office.EXAMPLES[name](scene))
            record = operation.invoke(dukcapil, request, f"R-{name}")

            assert operation.look_up(dukcapil, request, f"R-{name}") == record
            assert operation.look_up(dukcapil, request, "R-OTHER") is None


def test_after_a_death_the_resident_is_deceased_and_the_spouse_widowed(scene, dukcapil):
    deed = scene.call("register_death", office.EXAMPLES["register_death"](scene))

    refused(lambda: dukcapil.get_person(PersonQuery(nik=deed.nik)), "11")
    assert deed.spouse_nik == scene.family.father.nik
    card = scene.call("issue_ktp_el", {"nik": deed.spouse_nik})
    assert (card.marital_status, card.valid_until) == ("CERAI MATI", None)


def test_a_death_that_is_registered_under_another_reference_already_is_refused(scene):
    request = office.EXAMPLES["register_death"](scene)
    scene.call("register_death", request)

    refused(lambda: scene.call("register_death", request), "11")


def test_the_same_death_sent_twice_happens_twice_and_shows_in_the_counts(sandbox, scene):
    for _ in range(2):
        scene.call("register_death", office.EXAMPLES["register_death"](scene), "R-1")

    assert sandbox.app.agencies["dukcapil"].writes["register_death"] == {"R-1": 2}


@pytest.mark.parametrize(("book", "kind"), [(None, "deed"), ("KUA/1", "book")])
def test_a_marriage_is_in_a_deed_or_in_the_book_and_both_are_married_either_way(scene, dukcapil, book, kind):
    record = scene.call("register_marriage", {**office.EXAMPLES["register_marriage"](scene), "book_number": book})

    assert record.kind == kind
    assert (record.number == book) == (book is not None)
    for nik in (record.husband_nik, record.wife_nik):
        assert dukcapil.get_person(PersonQuery(nik=nik)).marital_status == "KAWIN TERCATAT"


def test_who_is_married_or_too_young_is_not_married(scene):
    request = office.EXAMPLES["register_marriage"](scene)
    married = {**request, "husband_nik": scene.family.father.nik}
    child = next(
        child
        for index in range(100)
        for child in scene.world.population.family(index).children
        if child.sex == "male" and child.birth_date.year > 2012
    )

    refused(lambda: scene.call("register_marriage", married), "22")
    refused(lambda: scene.call("register_marriage", {**request, "husband_nik": child.nik}), "21")
    refused(lambda: scene.call("issue_ktp_el", {"nik": child.nik}), "21")


def test_a_household_moves_when_its_letter_is_taken_in_once(scene, dukcapil):
    there = office.EXAMPLES["move_out"](scene)["address"]
    letter = scene.call("move_out", office.EXAMPLES["move_out"](scene))
    before = dukcapil.get_person(PersonQuery(nik=scene.family.father.nik))
    arrival = {"letter_number": letter.letter_number, "address": there}
    taken = scene.call("move_in", arrival)
    after = dukcapil.get_person(PersonQuery(nik=scene.family.father.nik))

    assert (letter.status, taken.status) == ("issued", "taken_in")
    assert letter.members == [member.nik for member in scene.family.members]
    assert before.address.regency_code == letter.origin.regency_code == scene.family.address.regency_code
    assert after.address.village_code == taken.destination.village_code == there["village_code"]
    refused(lambda: scene.call("move_in", arrival), "23")
    refused(lambda: scene.call("move_in", {**arrival, "letter_number": "SKPWNI/0"}), "13")


def test_a_move_within_the_regency_needs_no_letter_but_a_card(scene, dukcapil):
    home = scene.family.address
    there = {
        "street": "Jalan Baru 2",
        "province_code": "99",
        "regency_code": home.regency_code,
        "district_code": f"{home.regency_code}07",
        "village_code": f"{home.regency_code}072001",
    }
    refused(lambda: scene.call("move_out", {"nkk": scene.family.nkk, "address": there}), "24")
    elsewhere = office.EXAMPLES["move_out"](scene)["address"]
    refused(lambda: scene.call("issue_family_card", {"nkk": scene.family.nkk, "address": elsewhere}), "24")

    scene.call("issue_family_card", {"nkk": scene.family.nkk, "address": there})

    assert dukcapil.get_person(PersonQuery(nik=scene.family.mother.nik)).address.district_code == there["district_code"]


def test_an_address_goes_out_in_the_parts_it_comes_in():
    address = Address(street="Jalan 1", rt="002", province_code="99", regency_code="9901", district_code="990103")

    assert mapping.place(address) == {
        "ALAMAT": "Jalan 1",
        "NO_RT": "002",
        "NO_PROP": "99",
        "NO_KAB": "01",
        "NO_KEC": "03",
    }
    assert mapping.address(mapping.place(address)) == address


def test_the_feed_tells_each_change_once_over_pages_and_goes_on_from_its_cursor(sandbox, scene):
    scene.call("register_death", office.EXAMPLES["register_death"](scene))
    scene.call("register_marriage", office.EXAMPLES["register_marriage"](scene))
    couple = holdings.couple(scene.world.population, 3, datetime.now(WIB).date())
    with Dukcapil(sandbox.settings("dukcapil").model_copy(update={"feed_page": 2})) as paged:
        first = paged.residents(None)
        second = paged.residents(first.cursor)
        third = paged.residents(second.cursor)

    changes = [*first.changes, *second.changes]
    assert [change.id for change in changes] == ["1", "2", "3"]
    assert [change.subject for change in changes] == [scene.family.mother.nik, *(one.nik for one in couple)]
    assert [change.record.deceased for change in changes] == [True, False, False]
    assert (first.more, second.more) == (True, False)
    assert (third.changes, third.cursor, third.more) == ([], "3", False)


def test_a_change_without_a_number_is_bad_data():
    with pytest.raises(BadData) as caught:
        mapping.change({"NIK": "9974014101900001", "SERIAL": "x"})

    assert caught.value.field == "SERIAL"


def test_use_is_reported_once_and_once_more_is_as_good(sandbox, dukcapil, scene):
    request = UseReport(nik=scene.family.father.nik)

    first, again = (dukcapil.report_use(request, reference="R-1") for _ in range(2))
    assert (first.status, again) == ("reported", first)
    assert sandbox.app.agencies["dukcapil"].writes["report_use"] == {"R-1": 1}


@pytest.mark.parametrize(
    ("wrong", "code"), [({"report_token": None}, "REPORTING"), ({"institution_id": "1"}, "HTTP_400")]
)
def test_a_report_that_is_not_set_up_is_ours_to_mend(sandbox, scene, wrong, code):
    settings = sandbox.settings("dukcapil").model_copy(update=wrong)
    with Dukcapil(settings) as connector, pytest.raises(errors.AgencyError) as caught:
        connector.report_use(UseReport(nik=scene.family.father.nik), reference="R")

    assert (caught.value.code, caught.value.owner) == (code, "us")


def test_offices_with_the_old_comparison_say_only_whether_it_matches(sandbox, scene):
    settings = sandbox.settings("dukcapil").model_copy(update={"verify_method": "koneksitas_verifby_elemen"})
    father = scene.family.father
    with Dukcapil(settings) as connector:
        match = connector.verify_person(
            PersonVerification(nik=father.nik, name=father.name, birth_date=father.birth_date)
        )

    assert (match.elements["name"].matches, match.elements["name"].score) == (True, None)


@pytest.mark.parametrize(("threshold", "said"), [("100", "Tidak Sesuai (9"), (80, "Sesuai (9")])
def test_a_name_that_is_almost_right_matches_by_the_threshold(sandbox, scene, threshold, said):
    body = {name.upper(): value for name, value in LOGIN.items()}
    father = scene.family.father
    body |= {"NIK": father.nik, "TRESHOLD": threshold, "NAMA_LGKP": f"{father.name} X"}
    url = f"{sandbox.settings('dukcapil').base_url}/CALL_VERIFY_BY_ELEMEN"

    assert requests.post(url, json=body, timeout=10).json()["content"][0]["NAMA_LGKP"].startswith(said)


@pytest.mark.parametrize(
    ("method", "changed"),
    [
        ("CALL_VERIFY_BY_ELEMEN", {"TRESHOLD": "79"}),
        ("CALL_VERIFY_BY_ELEMEN", {"TRESHOLD": "x"}),
        ("REGISTER_DEATH", {"tgl_mati": "kemarin", "tmpt_mati": "X", "referensi": "R"}),
        (
            "MOVE_OUT",
            {"tujuan": {"alamat": "X", "no_prop": "x", "no_kab": 1, "no_kec": 1, "no_kel": 1}, "referensi": "R"},
        ),
        ("CALL_PERUBAHAN", {"serial": -1, "size": 1}),
    ],
)
def test_the_sandbox_refuses_values_that_are_none(sandbox, scene, method, changed):
    body = {**LOGIN, "nik": scene.family.father.nik, "no_kk": scene.family.nkk, **changed}
    answer = requests.post(f"{sandbox.settings('dukcapil').base_url}/{method}", json=body, timeout=10).json()

    assert answer["content"] == [{"RESPON": office.INVALID}]
