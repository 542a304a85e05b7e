import base64
from datetime import date

import pytest

from connectors.satusehat import mapping, wire
from connectors.satusehat.requests import HealthLetterQuery
from connectors.toolkit import errors

NIK = "9974014101900001"


def human(**changes):
    identifier = [{"system": wire.IHS, "value": "P01"}, {"system": wire.NIK, "value": NIK}]
    return wire.Human.model_validate({"resourceType": "Patient", "id": "P01", "identifier": identifier, **changes})


@pytest.mark.parametrize(
    ("written", "born", "whole"),
    [
        ("1990", "1990", None),
        ("1990-01", "1990-01", None),
        ("1990-01-31", "1990-01-31", date(1990, 1, 31)),
        ("-", None, None),
        (None, None, None),
    ],
)
def test_a_birth_date_is_as_whole_as_it_is_known(written, born, whole):
    patient = mapping.patient(human(birthDate=written), NIK)
    assert (patient.born, patient.birth_date) == (born, whole)


@pytest.mark.parametrize("written", ["90", "1990-13", "1990-02-30", "31-01-1990", "kemarin"])
def test_a_date_that_is_none_is_bad_data_that_names_its_field(written):
    with pytest.raises(errors.BadData) as bad:
        mapping.patient(human(birthDate=written), NIK)
    assert bad.value.field == "birthDate"
    assert written not in f"{bad.value} {bad.value.detail}"


@pytest.mark.parametrize(
    ("names", "read"),
    [
        ([{"text": "CONTOH  SATU"}], "CONTOH SATU"),
        ([{"given": ["Contoh", "Dua"], "family": "Satu", "prefix": ["dr."]}], "dr. Contoh Dua Satu"),
        ([{"use": "nickname", "text": "Con"}, {"use": "official", "text": "Contoh"}], "Contoh"),
        ([{"text": " "}], None),
        ([], None),
    ],
)
def test_a_name_is_read_whole_or_put_together(names, read):
    assert mapping.patient(human(name=names), NIK).name == read


@pytest.mark.parametrize(("gender", "sex"), [("male", "male"), ("female", "female"), ("unknown", None), (None, None)])
def test_a_gender_is_one_of_two_or_not_said(gender, sex):
    assert mapping.patient(human(gender=gender), NIK).sex == sex


@pytest.mark.parametrize("value", ["################", "****************", ""])
def test_a_masked_nik_is_the_one_that_was_asked_for(value):
    identifier = [{"system": wire.NIK, "value": value}]
    assert mapping.patient(human(identifier=identifier), NIK).nik == NIK


def test_another_nik_is_bad_data():
    with pytest.raises(errors.BadData) as bad:
        mapping.patient(human(), "9974014101900002")
    assert bad.value.code == "SOMEBODY_ELSE"


def test_region_codes_come_from_the_extension_and_a_wrong_one_is_left_out():
    inner = [
        {"url": "province", "valueCode": "99"},
        {"url": "city", "valueString": "99.01"},
        {"url": "district", "valueCode": "9901"},
        {"url": "village", "valueCode": "9901012001"},
        {"url": "rt", "valueCode": "2"},
    ]
    extension = [
        {"url": "https://other.example", "extension": []},
        {"url": wire.ADMINISTRATIVE_CODE, "extension": inner},
    ]
    old = {"use": "old", "line": ["Dulu"]}
    home = {"use": "home", "line": ["Jalan Contoh 1"], "extension": extension}
    address = mapping.patient(human(address=[old, home]), NIK).address
    assert (address.province_code, address.regency_code, address.district_code) == ("99", "9901", None)
    assert (address.village_code, address.rt, address.street) == ("9901012001", "002", "Jalan Contoh 1")


def test_an_address_that_says_nothing_is_none():
    assert mapping.patient(human(address=[{"use": "home", "line": ["-"]}]), NIK).address is None


def letter(data=b"%PDF-1.7", **attachment):
    resource = wire.DocumentReference.model_validate(
        {
            "resourceType": "DocumentReference",
            "id": "1",
            "status": "current",
            "subject": {"reference": "Patient/P01"},
            "content": [{"attachment": attachment}],
        }
    )
    encoded = base64.b64encode(data).decode()
    return mapping.letter(resource, HealthLetterQuery(nik=NIK), "application/pdf", encoded, "P01")


@pytest.mark.parametrize(("data", "code"), [(b"", "NOT_BASE64"), (b"x" * 600_000, "TOO_LARGE")])
def test_a_document_that_is_nothing_or_too_large_is_bad_data(data, code):
    with pytest.raises(errors.BadData) as bad:
        letter(data)
    assert bad.value.code == code


def test_a_document_with_another_hash_is_bad_data():
    with pytest.raises(errors.BadData) as bad:
        letter(hash="AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    assert bad.value.field == "attachment.hash"
