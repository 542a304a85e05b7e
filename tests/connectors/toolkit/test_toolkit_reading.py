from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.toolkit import reading
from connectors.toolkit.errors import BadData


@pytest.mark.parametrize("nothing", [None, "", " ", "-", " - ", "0", 0, "null", "NULL"])
def test_every_way_of_writing_nothing_is_none(nothing):
    assert reading.text(nothing) is None
    assert reading.day(nothing) is None
    assert reading.sex(nothing) is None
    assert reading.padded(nothing, 3) is None


@pytest.mark.parametrize(
    "written",
    ["1990-01-31", "31-01-1990", "31/01/1990", "19900131", 19900131, "1990-01-31T00:00:00", "31/01/1990 08:00"],
)
def test_four_forms_of_a_date_are_the_same_day(written):
    assert reading.day(written) == date(1990, 1, 31)


@pytest.mark.parametrize("written", ["31-13-1990", "tomorrow", "1990-1-1x", "900131", "31.01.1990"])
def test_a_date_in_another_form_is_bad_data_that_names_the_field_and_quotes_nothing(written):
    with pytest.raises(BadData) as bad:
        reading.day(written, "TGL_LHR")
    assert bad.value.field == "TGL_LHR"
    assert written not in f"{bad.value} {bad.value.detail}"


def test_a_date_of_zeros_says_nothing():
    assert reading.day("0000-00-00") is None
    assert reading.moment("0000-00-00 00:00:00") is None


@pytest.mark.parametrize(
    "written", ["2026-02-01 08:30:00", "01-02-2026 08:30:00", "2026-02-01T01:30:00Z", "20260201083000"]
)
def test_a_moment_without_a_zone_is_western_indonesian_time(written):
    assert reading.moment(written) == datetime(2026, 2, 1, 8, 30, tzinfo=timezone(timedelta(hours=7)))


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (250000, "250000"),
        ("250000.00", "250000.00"),
        ("250.000,50", "250000.50"),
        ("Rp 250.000", "250000"),
        ("Rp250.000,-", "250000"),
        (89.0, "89.0"),
        ("0", "0"),
        (0, "0"),
    ],
)
def test_money_in_all_its_forms(written, found):
    assert reading.amount(written) == Decimal(found)


@pytest.mark.parametrize("nothing", [None, "", "-", " "])
def test_an_amount_that_says_nothing_is_none(nothing):
    assert reading.amount(nothing) is None


@pytest.mark.parametrize("written", ["ten", "1,2,3", "NaN", "Infinity", {}])
def test_what_is_no_amount_is_bad_data(written):
    with pytest.raises(BadData):
        reading.amount(written)


@pytest.mark.parametrize(
    ("written", "found"),
    [("L", "male"), ("Laki - Laki", "male"), ("M", "male"), ("P", "female"), ("F", "female"), ("x", None)],
)
def test_sexes(written, found):
    assert reading.sex(written) == found


def test_region_codes_grow_until_a_part_is_missing():
    assert reading.region((99, 2), (1, 2), ("3", 2), ("2001", 4)) == ["99", "9901", "990103", "9901032001"]
    assert reading.region((99, 2), (None, 2), (3, 2)) == ["99", None, None]


@given(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.integers())))
def test_nothing_makes_a_reader_stumble(value):
    for read in (reading.text, reading.sex, reading.day, reading.moment, reading.amount):
        with suppress(BadData):
            read(value)
