"""The shared records: strict to write, tolerant to read, and silent about input in their errors."""

from datetime import date
from decimal import Decimal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.base import Record
from schemas.civil import Family, Person
from schemas.compat import document
from schemas.payments import Bill
from schemas.registry import CONTRACTS, RECORDS, record

BILL = {"billing_code": "820990000000001", "amount": "650000", "expires_at": "2026-01-02T10:00:00+07:00"}


def test_a_record_is_found_by_name_and_version():
    assert record("person/1") is Person
    assert Person.schema_id() == "person/1"
    assert Person.schema_urn() == "urn:simpul:schema:person:1"


def test_an_unknown_record_is_told_together_with_those_there_are():
    with pytest.raises(KeyError, match=r"there is no record ghost/1; there are .*person/1"):
        record("ghost/1")


def test_every_record_class_is_in_the_registry():
    ours = {model for model in Record.__subclasses__() if model.__module__.startswith("schemas.")}

    assert set(CONTRACTS.values()) == ours
    assert RECORDS.items() <= CONTRACTS.items()


def test_writers_may_not_invent_fields():
    with pytest.raises(ValidationError, match="Extra inputs"):
        Person(nik="9974014101900001", shoe_size=41)


def test_readers_pass_over_what_a_newer_writer_added_at_any_depth():
    newer = b'{"nkk":"9974010101900002","colour":"blue","members":[{"nik":"9974014101900001","shoe_size":41}]}'

    read = Family.from_json(newer)

    assert read == Family(nkk="9974010101900002", members=[Person(nik="9974014101900001")])


def test_records_do_not_change():
    person = Person(nik="9974014101900001")
    with pytest.raises(ValidationError):
        person.name = "Lain"


def test_errors_name_the_field_and_do_not_show_the_input():
    with pytest.raises(ValidationError) as caught:
        Person(nik="9974014101900001", name="Contoh Rahasia", birth_date="31-31-1990", sex="Contoh Rahasia")

    assert "birth_date" in str(caught.value)
    assert "sex" in str(caught.value)
    assert "Rahasia" not in str(caught.value)
    assert "1990" not in str(caught.value)


def test_what_an_agency_left_blank_is_none_and_never_an_empty_string():
    with pytest.raises(ValidationError):
        Person(nik="9974014101900001", name=" ")


@given(st.decimals(0, Decimal("9999999999999999.99"), places=2) | st.sampled_from([Decimal("65E4"), 0, "1E+3"]))
def test_an_amount_is_written_as_the_published_schema_says_and_read_back(amount):
    bill = Bill.model_validate({**BILL, "amount": amount})

    jsonschema.validate(bill.model_dump(mode="json"), document(Bill))
    assert bill == Bill.from_json(bill.model_dump_json())


@pytest.mark.parametrize("amount", ["-1", "0.001", "NaN", "Infinity", "Rp1"])
def test_an_amount_is_not_negative_nor_finer_than_a_sen(amount):
    with pytest.raises(ValidationError):
        Bill.model_validate({**BILL, "amount": amount})


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValidationError, match="timezone"):
        Bill.model_validate({**BILL, "expires_at": "2026-01-02T10:00:00"})


def test_a_full_person_validates_against_the_published_schema():
    person = Person(nik="9974014101900001", name="Contoh", birth_date=date(1990, 1, 1), sex="female")

    jsonschema.validate(person.model_dump(mode="json"), document(Person))
