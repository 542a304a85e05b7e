from datetime import date

import pytest
from pydantic import ValidationError

from connectors.dukcapil import mapping, verdicts
from connectors.dukcapil.requests import BirthRegistration, NewbornChild, PersonVerification
from connectors.dukcapil.wire import Envelope, one, rows
from connectors.toolkit.errors import BadData, Misconfigured, Rejected
from schemas.civil import Family, Person

NIK = 9974014101900001
ROW = {"NIK": NIK, "NO_KK": 9974010101900002, "NAMA_LGKP": "CONTOH", "TGL_LHR": "1990-01-01", "NO_RT": 2}


def test_the_contracts_sample_becomes_a_person():
    envelope = Envelope.model_validate({"content": [ROW], "lastPage": True, "sort": None, "quotaLimiter": 56616})
    person = mapping.person(one(envelope), str(NIK))

    assert (person.nik, person.nkk, person.name) == (str(NIK), "9974010101900002", "CONTOH")
    assert (person.birth_date, person.address.rt) == (date(1990, 1, 1), "002")
    assert envelope.quota_limiter == 56616


def test_a_person_of_whom_only_the_number_is_granted_is_a_person():
    assert mapping.person({"NIK": NIK}) == Person(nik=str(NIK))


@pytest.mark.parametrize("nothing", [None, "", " ", "-", "0", 0, "NULL"])
def test_every_way_of_writing_nothing_is_none(nothing):
    person = mapping.person(
        {"NIK": NIK, "NAMA_LGKP": nothing, "TGL_LHR": nothing, "NIK_IBU": nothing, "NO_KK": nothing}
    )

    assert person == Person(nik=str(NIK))


def test_codes_of_an_address_are_put_together_with_their_lost_zeros():
    address = mapping.address({"NO_PROP": 99, "NO_KAB": 1, "NO_KEC": "3", "NO_KEL": 2001, "KODE_POS": 990})

    assert (address.regency_code, address.district_code, address.village_code) == ("9901", "990103", "9901032001")
    assert address.postal_code == "00990"


def test_an_answer_about_somebody_else_is_bad_data():
    with pytest.raises(BadData) as caught:
        mapping.person(ROW, "9974014101900009")
    with pytest.raises(BadData):
        mapping.family([ROW], "9974010101900009")
    with pytest.raises(BadData):
        mapping.family_card({"NO_KK": ROW["NO_KK"], "REFERENSI": "R-1"}, "R-2")

    assert caught.value.field == "NIK"


@pytest.mark.parametrize(
    ("said", "matches", "score"),
    [
        ("Sesuai", True, None),
        ("Tidak Sesuai", False, None),
        ("Sesuai (100)", True, 100),
        ("TIDAK SESUAI(59)", False, 59),
    ],
)
def test_match_and_likeness_are_read(said, matches, score):
    match = mapping.person_match({"NIK": "Sesuai", "NAMA_LGKP": said}, str(NIK)).elements["name"]

    assert (match.matches, match.score) == (matches, score)


@pytest.mark.parametrize("row", [{"NAMA_LGKP": "Mungkin"}, {"NIK": "Sesuai"}])
def test_a_comparison_that_says_neither_is_bad_data(row):
    with pytest.raises(BadData):
        mapping.person_match(row, str(NIK))


def test_only_what_is_claimed_is_compared():
    claimed = PersonVerification(nik=str(NIK), name="Contoh", birth_date=date(1990, 1, 31))

    assert mapping.elements(claimed) == {"NIK": str(NIK), "NAMA_LGKP": "Contoh", "TGL_LHR": "31-01-1990"}


@pytest.mark.parametrize(
    ("members", "father", "mother"),
    [
        ([("1", "male", "KEPALA KELUARGA"), ("2", "female", "ISTRI")], "1", "2"),
        ([("2", "female", "Kepala Keluarga"), ("3", "female", "ANAK")], None, "2"),
        ([("2", "female", "KEPALA KELUARGA"), ("1", "male", "SUAMI")], "1", "2"),
        ([("1", "male", "KEPALA KELUARGA"), ("3", "male", "ANAK")], "1", None),
    ],
)
def test_parents_are_the_head_of_the_card_and_the_spouse(members, father, mother):
    people = [Person(nik=n * 16, sex=sex, family_relation=relation) for n, sex, relation in members]
    child = NewbornChild(name="Bayi", sex="male", birth_date=date(2026, 1, 2), birth_place="Contoh")
    wire = mapping.birth(BirthRegistration(child=child, family=Family(nkk="9" * 16, members=people)))

    assert (wire["nik_ayah"], wire["nik_ibu"]) == (father and father * 16, mother and mother * 16)
    assert (wire["jenis_klmin"], wire["tgl_lhr"]) == ("Laki-Laki", "2026-01-02")


@pytest.mark.parametrize(
    ("row", "kind", "code"),
    [
        ({"RESPON": "Data Tidak Ditemukan"}, Rejected, "13"),
        ({"RESPON": "DATA  TIDAK DITEMUKAN "}, Rejected, "13"),
        ({"RESPONSE_CODE": "11", "RESPONSE": "Data Ditemukan"}, Rejected, "11"),
        ({"RESPONSE_CODE": 12, "RESPONSE_DESC": "Ganda"}, Rejected, "12"),
        ({"response_code": "15"}, Rejected, "15"),
        ({"RESPONSE_CODE": "14", **ROW}, Rejected, "14"),
        ({"RESPON": "Login Gagal"}, Misconfigured, "LOGIN"),
        ({"RESPON": "IP Client  Tidak terdaftar"}, Misconfigured, "IP"),
        ({"RESPON": "IP Address Tidak Sesuai"}, Misconfigured, "IP"),
        ({"RESPON": "KUOTA AKSES HARI INI TELAH HABIS"}, Misconfigured, "05"),
        ({"RESPONSE_CODE": "05", "RESPON": "anything"}, Misconfigured, "05"),
        ({"RESPON": "User ID Tidak Aktif"}, Misconfigured, "SUSPENDED"),
        ({"RESPON": "Parameter Tidak Lengkap"}, BadData, "PARAMETER"),
        ({"RESPON": "Sesuatu yang baru"}, BadData, "UNKNOWN_REFUSAL"),
    ],
)
def test_a_refusal_is_named_by_what_to_do_next(row, kind, code):
    refused = verdicts.refusal(row)

    assert (type(refused), refused.code) == (kind, code)
    assert "baru" not in f"{refused} {refused.detail}"


@pytest.mark.parametrize("row", [ROW, {**ROW, "RESPON": None}, {**ROW, "RESPON": "Sudah Rekam"}, {}])
def test_data_are_not_a_refusal(row):
    assert verdicts.refusal(row) is None


def test_a_refusal_may_stand_beside_the_content():
    for content in ({}, {"content": None}, {"content": []}):
        envelope = Envelope.model_validate({"RESPONSE_CODE": "13", "RESPON": "Data Tidak Ditemukan", **content})
        assert verdicts.refusal(envelope.first).code == "13"


def test_an_answer_without_rows_or_with_too_many_is_bad_data():
    with pytest.raises(BadData):
        rows(Envelope())
    with pytest.raises(BadData):
        one(Envelope(content=[ROW, ROW]))


def test_a_request_shows_no_input_in_its_errors():
    with pytest.raises(ValidationError) as caught:
        PersonVerification(nik="12345", name="Rahasia", birth_date="Rahasia")

    assert "Rahasia" not in str(caught.value)
    assert "12345" not in str(caught.value)
