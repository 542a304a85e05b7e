"""Classification of personal data by UU PDP 27/2022 art. 4, masking and redaction."""

from datetime import date
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Part
from schemas.civil import Address, BirthDeed, Family, Match, Person, PersonMatch
from schemas.health import HealthMembership
from schemas.identifiers import NIK
from schemas.payments import Bill, Payment
from schemas.privacy import classification, mask, personal, redact
from schemas.registry import RECORDS

MOTHER = Person(
    nik="9974014101900001",
    name="Contoh Ibu",
    birth_date=date(1990, 1, 1),
    blood_type="O",
    address=Address(street="Jalan Contoh 1", rt="002"),
)


@pytest.mark.parametrize(
    ("record", "path", "expected"),
    [
        (Person, "nik", "general"),
        (Person, "name", "general"),
        (Person, "religion", "general"),
        (Person, "blood_type", "specific"),
        (Person, "address.street", "general"),
        (Family, "nkk", "general"),
        (Family, "members.*.name", "specific"),
        (Family, "members.*.address.street", "specific"),
        (BirthDeed, "nik", "specific"),
        (BirthDeed, "mother_nik", "general"),
        (HealthMembership, "number", "specific"),
        (HealthMembership, "status", "specific"),
        (PersonMatch, "elements.*.matches", "general"),
        (Bill, "amount", "specific"),
        (Payment, "ntpn", "specific"),
    ],
)
def test_health_child_and_financial_data_are_specific_and_identity_is_general(record, path, expected):
    assert expected == classification(record)[path]


def test_what_is_no_personal_data_is_not_classified():
    assert "reference" not in classification(BirthDeed)
    assert "currency" not in classification(Bill)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
def test_every_record_says_which_of_its_fields_are_personal(record):
    assert set(classification(record).values()) <= {"general", "specific"}
    assert classification(record)


def test_json_schema_carries_class_and_kind():
    schema = BirthDeed.model_json_schema()["properties"]

    assert schema["nik"]["x-personal"] == {"class": "specific", "kind": "child"}
    assert schema["mother_nik"]["anyOf"][0]["x-personal"] == {"class": "general", "kind": "identity"}


def test_the_mark_on_a_field_overrules_that_of_its_type():
    class Child(Part):
        nik: Annotated[NIK, personal("specific", kind="child")] | None = None
        guardian: NIK

    assert classification(Child) == {"nik": "specific", "guardian": "general"}


def test_redacting_masks_general_data_and_hides_specific_data():
    redacted = redact(MOTHER)

    assert redacted["nik"] == "99************01"
    assert redacted["name"] == "C***"
    assert redacted["birth_date"] == "***"
    assert redacted["blood_type"] == "***"
    assert redacted["address"]["street"] == "J***"
    assert redacted["religion"] is None


def test_redacting_hides_all_of_a_family_since_children_are_among_its_members():
    redacted = redact(Family(nkk="9974010101900002", members=[MOTHER]))

    assert redacted["nkk"] == "99************02"
    assert {value for value in redacted["members"][0].values() if isinstance(value, str)} == {"***"}


def test_redacting_keeps_what_is_not_personal():
    deed = BirthDeed(deed_number="9974-LU-1", nik="9974014101260001", reference="a1b2")

    assert redact(deed)["reference"] == "a1b2"


def test_redacting_a_mapping_hides_fields_that_nobody_classified():
    redacted = redact({"nik": "9974014101900001", "nickname": "Contoh", "address": {"planet": "x", "rt": "1"}}, Person)

    assert redacted == {"nik": "99************01", "nickname": "***", "address": {"planet": "***", "rt": "***"}}


def test_redacting_a_mapping_reaches_into_records_that_it_holds():
    assert redact({"members": [MOTHER]}, Family)["members"][0]["name"] == "***"


def test_redacting_a_mapping_by_element_is_not_fooled_by_element_names():
    elements = {"score": Match(matches=True, score=90), "matches": Match(matches=False)}

    redacted = redact(PersonMatch(nik="9974014101900001", elements=elements))

    assert redacted["elements"] == {
        "score": {"matches": "***", "score": "***"},
        "matches": {"matches": "***", "score": None},
    }


@pytest.mark.parametrize("value", ["Contoh", ["Contoh"], {"deep": ["Contoh"]}, 7])
def test_redacting_data_that_does_not_validate_shows_none_of_it(value):
    assert "ontoh" not in str(redact({"members": value, "nkk": value}, Family))


def test_redacting_a_mapping_needs_its_model():
    with pytest.raises(TypeError, match="needs the model"):
        redact({"nik": "9974014101900001"})


@given(st.text("0123456789", min_size=8, max_size=20))
def test_a_masked_number_keeps_its_length_and_four_digits(number):
    masked = mask(number)

    assert len(number) == len(masked)
    assert masked.count("*") == len(number) - 4


@given(st.one_of(st.text(max_size=7), st.integers(), st.dates(), st.booleans(), st.none()))
def test_anything_else_keeps_no_more_than_its_first_letter(value):
    assert mask(value) in {"***", f"{str(value)[:1]}***"}
