"""Form: what a schema's rules mean, apart from HTTP."""

import pytest

from schemas.identifiers import application_number
from simpul.console.forms import Form

NIK = "9974014101900001"


def problems(schema, value):
    form = Form({"type": "object", "properties": {"field": schema}})
    return [problem.message.en for problem in form.problems({"field": value})]


@pytest.mark.parametrize(
    ("pattern", "fits", "wrong"),
    [
        ("^[0-9]{2}$", "12", "12\n"),
        ("^a$|^b$", "b", "b\n"),
        ("^(a|b$)", "b", "b\n"),
        (r"^\$[0-9]$", "$1", "$1\n"),
        ("^[$]$", "$", "$\n"),
        (r"^[\]$]+$", "]$", "]$\n"),
        ("[0-9]", "a1\n", "a"),
    ],
)
def test_a_pattern_s_end_is_the_text_s_end(pattern, fits, wrong):
    assert problems({"type": "string", "pattern": pattern}, fits) == []
    assert len(problems({"type": "string", "pattern": pattern}, wrong)) == 1


def test_a_form_that_refers_to_its_root_keeps_the_rule():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"code": {"type": "string", "pattern": "^[0-9]$"}, "inner": {"$ref": "#"}},
    }
    assert Form(schema).problems({"inner": {"inner": {"code": "1"}}}) == []
    (problem,) = Form(schema).problems({"inner": {"inner": {"code": "1\n"}}})
    assert problem.pointer == "/form/inner/inner/code"


@pytest.mark.parametrize(
    ("name", "fits", "wrong"),
    [
        ("nik", NIK, f"{NIK}\n"),
        ("nkk", "9974010101900002", "99740101019000021"),
        ("npwp", "990000000999000", "99000000099900"),
        ("billing-code", "820990000000001", "8209900000000O1"),
        ("nik", NIK, "\u0669" * 16),
        ("application-number", application_number("99", 2026, 1), application_number("99", 2026, 1)[:-1] + "x"),
    ],
)
def test_a_number_s_format_is_what_the_schemas_say_it_is(name, fits, wrong):
    assert problems({"type": "string", "format": name}, fits) == []
    (problem,) = problems({"type": "string", "format": name}, wrong)
    assert "digits" in problem
    assert wrong not in problem


def test_a_mistyped_application_number_is_noticed():
    right = application_number("99", 2026, 1)
    wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
    assert "check digit" in problems({"type": "string", "format": "application-number"}, wrong)[0]


def test_a_text_may_be_empty_where_the_form_lets_it():
    assert problems({"type": "string"}, "") == []
