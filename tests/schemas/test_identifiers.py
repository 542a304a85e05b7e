"""Identifier types: what they accept, how they say no, and what the check digit finds."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.identifiers import (
    NIB,
    NIK,
    NKK,
    NOP,
    NPWP,
    NPWP15,
    NPWP16,
    ApplicationNumber,
    BillingCode,
    BPJSNumber,
    application_number,
    display_number,
    nik_warnings,
    npwp16,
)

LENGTHS = {
    "NIK": (NIK, (16,)),
    "NKK": (NKK, (16,)),
    "NPWP15": (NPWP15, (15,)),
    "NPWP16": (NPWP16, (16,)),
    "NPWP": (NPWP, (15, 16)),
    "BPJSNumber": (BPJSNumber, (13,)),
    "NIB": (NIB, (13,)),
    "NOP": (NOP, (18,)),
    "BillingCode": (BillingCode, (15,)),
}
ADAPTERS = {name: TypeAdapter(kind) for name, (kind, _) in LENGTHS.items()}
NUMBER = TypeAdapter(ApplicationNumber)

numbers = st.builds(
    application_number,
    st.integers(0, 99).map("{:02d}".format),
    st.integers(2000, 2099),
    st.integers(1, 999_999_999),
)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def message(adapter: TypeAdapter[str], value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    (error,) = caught.value.errors(include_input=False)
    return error["msg"]


@pytest.mark.parametrize("name", LENGTHS)
@given(data=st.data())
def test_digits_of_a_right_length_are_kept_as_they_are(name, data):
    value = data.draw(st.sampled_from(LENGTHS[name][1]).flatmap(digits))

    assert value == ADAPTERS[name].validate_python(value)


@pytest.mark.parametrize("name", LENGTHS)
@given(data=st.data())
def test_dots_spaces_and_dashes_are_dropped(name, data):
    value = data.draw(digits(LENGTHS[name][1][0]))
    separators = data.draw(st.lists(st.sampled_from(["", ".", " ", "-", "–", "\u00a0"]), min_size=len(value)))
    written = "".join(digit + separator for digit, separator in zip(value, separators, strict=False))

    assert value == ADAPTERS[name].validate_python(written)


@pytest.mark.parametrize("name", LENGTHS)
@given(data=st.data())
def test_a_wrong_length_is_refused_with_both_counts_and_without_the_value(name, data):
    _, lengths = LENGTHS[name]
    count = data.draw(st.integers(5, 25).filter(lambda count: count not in lengths))
    value = data.draw(digits(count))

    told = message(ADAPTERS[name], value)

    assert f"has {' or '.join(map(str, lengths))} digits, this has {count}." in told
    assert "Copy it from" in told
    assert value not in told


@pytest.mark.parametrize("value", ["997401410190000A", "٩٩٧٤٠١٤١٠١٩٠٠٠٠١", "9974014101900/01", "", "  "])
def test_anything_but_ascii_digits_is_refused(value):
    assert "A NIK has 16 digits, this " in message(ADAPTERS["NIK"], value)


@pytest.mark.parametrize("value", [9974014101900001.0, True, None, -1, ["9974014101900001"]])
def test_a_number_that_is_no_text_is_refused_with_what_to_send_instead(value):
    assert "Send it as a JSON string of digits." in message(ADAPTERS["NIK"], value)


def test_a_nik_that_an_agency_sends_as_a_json_number_is_text_again():
    assert ADAPTERS["NIK"].validate_json("9974014101900001") == "9974014101900001"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("BPJSNumber", 9900000001, "0009900000001"),
        ("NPWP15", 10000000999000, "010000000999000"),
        ("NPWP16", 990000000999000, "0990000000999000"),
        ("NPWP", 10000000999000, "010000000999000"),
    ],
)
def test_leading_zeros_that_a_json_number_lost_are_put_back(name, value, expected):
    assert expected == ADAPTERS[name].validate_python(value)


def test_a_short_nik_is_not_padded_because_none_begins_with_zero():
    assert "this has 15." in message(ADAPTERS["NIK"], 997401410190000)


def test_an_error_does_not_show_the_number_even_without_a_model_around_it():
    assert "99740141019" not in message(ADAPTERS["NIK"], "99740141019")


@pytest.mark.parametrize("name", LENGTHS)
def test_json_schema_shows_pattern_format_and_an_example_that_validates(name):
    schema = ADAPTERS[name].json_schema()

    assert schema["pattern"] == "|".join(f"^[0-9]{{{length}}}$" for length in LENGTHS[name][1])
    assert schema["format"]
    assert schema["examples"] == [ADAPTERS[name].validate_python(schema["examples"][0])]


def test_the_example_of_an_application_number_validates():
    assert NUMBER.json_schema()["examples"] == ["99260000000010"] == [application_number("99", 2026, 1)]


def test_an_old_npwp_gets_a_zero_in_front():
    assert ADAPTERS["NPWP16"].validate_python(npwp16("990000000999000")) == "0990000000999000"


@given(numbers)
def test_an_application_number_is_read_back_as_displayed(number):
    assert number == NUMBER.validate_python(number) == NUMBER.validate_python(display_number(number))


@given(numbers, st.data())
def test_the_check_digit_finds_every_single_wrong_digit(number, data):
    place = data.draw(st.integers(0, 13))
    for wrong in set("0123456789") - {number[place]}:
        assert "a digit is wrong" in message(NUMBER, number[:place] + wrong + number[place + 1 :])


@given(numbers)
def test_the_check_digit_finds_every_swap_of_two_neighbours(number):
    for place in range(13):
        one, other = number[place], number[place + 1]
        if one != other:
            assert "a digit is wrong" in message(NUMBER, number[:place] + other + one + number[place + 2 :])


def test_installation_year_and_sequence_stand_where_an_officer_reads_them():
    assert display_number(application_number("07", 2026, 123)).startswith("07-26-000000123-")


@pytest.mark.parametrize(
    ("installation", "year", "sequence", "told"),
    [
        ("7", 2026, 1, "installation is two digits"),
        ("٠٧", 2026, 1, "installation is two digits"),
        ("07", 26, 1, "year is written in full"),
        ("07", 2026, 0, "sequence lies between"),
        ("07", 2026, 1_000_000_000, "no more numbers in a year"),
    ],
)
def test_a_number_out_of_range_is_not_made(installation, year, sequence, told):
    with pytest.raises(ValueError, match=told):
        application_number(installation, year, sequence)


births = st.dates(date(1930, 1, 1), date(2029, 12, 31))


def nik(born: date, *, woman: bool, region: str = "997401", sequence: str = "0001") -> str:
    return f"{region}{born.day + 40 * woman:02d}{born:%m%y}{sequence}"


@given(births, st.booleans())
def test_a_nik_that_agrees_with_the_papers_gives_no_warning(born, woman):
    sex = "female" if woman else "male"

    assert nik_warnings(nik(born, woman=woman), birth_date=born, sex=sex) == []


@given(births, st.booleans())
def test_a_nik_that_differs_from_the_papers_is_a_warning_and_not_an_error(born, woman):
    number = nik(born, woman=woman)

    other = nik_warnings(number, birth_date=born + timedelta(days=1), sex="male" if woman else "female")

    assert number == ADAPTERS["NIK"].validate_python(number)
    assert other == [
        "The date of birth in the NIK differs from the papers.",
        "The sex in the NIK differs from the papers.",
    ]


@pytest.mark.parametrize(
    ("number", "warning"),
    [
        ("0174014101900001", "The NIK begins with a code that no province has."),
        ("9974013113900001", "Digits 7 to 12 of the NIK are not a date of birth."),
        ("9974013201900001", "Digits 7 to 12 of the NIK are not a date of birth."),
        ("9974014001900001", "Digits 7 to 12 of the NIK are not a date of birth."),
        ("9974013002900001", "Digits 7 to 12 of the NIK are not a date of birth."),
        ("9974014101900000", "The NIK ends in 0000, but sequences begin at 0001."),
    ],
)
def test_odd_structure_is_told_in_a_sentence_without_the_number(number, warning):
    assert [warning] == nik_warnings(number)
    assert number == ADAPTERS["NIK"].validate_python(number)


def test_a_leap_day_of_the_year_00_is_a_date_of_birth():
    assert nik_warnings("9974012902000001") == []


@given(digits(16))
def test_any_sixteen_digits_get_warnings_at_most(number):
    assert all(number not in sentence for sentence in nik_warnings(number))
