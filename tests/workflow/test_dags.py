"""The workflows of this repository fit the connectors they call: every request they build is one the agency's model takes."""

from pathlib import Path
from typing import Any

import pytest

from connectors import catalogue
from connectors.registry import connector_class
from simpul import expressions
from simpul.definition import Definition, StepDefinition

FATHER, CHILD, NKK = "9974014101900001", "9974010501260001", "9974010101900002"
PERSON = {"nik": FATHER, "name": "Contoh Satu"}
CASES: dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]] = {
    "birth": (
        {
            "nkk": NKK,
            "child": {"name": "Contoh Anak", "sex": "male", "birth_date": "2026-01-05", "birth_place": "Contoh"},
            "enrol": True,
        },
        {
            "parents": {"nkk": NKK, "members": [PERSON]},
            "deed": {"deed_number": "9974-LU-05012026-0001", "nik": CHILD},
            "family_card": {"nkk": NKK},
            "child_card": {"card_number": "1", "nik": CHILD},
            "insurance": {"number": "0009900000001", "nik": CHILD, "status": "active"},
        },
    ),
    "passport": (
        {"nik": FATHER, "book": "10 years"},
        {
            "identity": PERSON,
            "bill": {"billing_code": "820990000000001", "amount": "950000", "expires_at": "2026-01-05T11:00:00+07:00"},
            "payment": {"billing_code": "820990000000001", "status": "paid"},
        },
    ),
    "passport_v2": (
        {"nik": FATHER, "book": "10 years"},
        {
            "identity": PERSON,
            "opened": {"number": "99000000000001", "status": "opened"},
            "bill": {"billing_code": "820990000000001", "amount": "950000", "expires_at": "2026-01-05T11:00:00+07:00"},
            "payment": {"billing_code": "820990000000001", "status": "paid", "ntpn": "CONTOH0000000001"},
            "biometrics": {
                "application_number": "99000000000001",
                "at": "2026-01-05T10:00:00+07:00",
                "expires_at": "2026-02-04T10:00:00+07:00",
            },
            "taken": {"number": "99000000000001", "status": "biometrics taken"},
            "book": {
                "number": "X9000001",
                "application_number": "99000000000001",
                "issued_on": "2026-01-05",
                "expires_on": "2036-01-03",
            },
        },
    ),
}


@pytest.fixture(scope="module")
def definitions(airflow_home: None) -> dict[str, Definition]:
    from simpul.workflow import publish

    return {found.definition.dag_id: found.definition for found in publish.read(Path(__file__).parents[2] / "dags")}


def scope(definition: Definition, step: StepDefinition) -> dict[str, Any]:
    """What stands when a step is entered: the form and the records of the steps before it, as JSON."""
    form, records = CASES[definition.dag_id]
    return {
        "form": form,
        **{name: records[name] for name in definition.by_name if step.name in definition.descendants(name)},
    }


def test_every_workflow_has_a_case_here(definitions: dict[str, Definition]) -> None:
    assert definitions.keys() == CASES.keys()


@pytest.mark.parametrize("service", CASES)
def test_the_case_fits_the_form(definitions: dict[str, Definition], service: str) -> None:
    import jsonschema

    jsonschema.validate(CASES[service][0], definitions[service].form)


@pytest.mark.parametrize("service", CASES)
def test_the_cases_records_are_what_the_operations_answer(definitions: dict[str, Definition], service: str) -> None:
    for name, record in CASES[service][1].items():
        step = definitions[service].by_name[name]
        operation = connector_class(step.agency).operations()[step.operation.partition(".")[2]]
        operation.record.model_validate(record)
        assert record.keys() <= set(catalogue.load()[step.operation]["record"]["fields"])


@pytest.mark.parametrize("service", CASES)
def test_every_step_builds_a_request_that_its_operation_takes(definitions: dict[str, Definition], service: str) -> None:
    for step in definitions[service].steps:
        operation = connector_class(step.agency).operations()[step.operation.partition(".")[2]]
        operation.request.model_validate(expressions.build(step.request, scope(definitions[service], step)))


def test_a_birth_is_five_calls_in_three_levels_and_insurance_is_the_parents_wish(
    definitions: dict[str, Definition],
) -> None:
    birth = definitions["birth"]
    assert birth.frontier({}) == ["parents"]
    assert birth.frontier({"parents": "done"}) == ["deed"]
    assert birth.frontier({"parents": "done", "deed": "done"}) == ["family_card", "child_card", "insurance"]
    wish = birth.by_name["insurance"].when
    assert wish is not None
    assert expressions.holds(wish, {"form": {"enrol": True}})
    assert not expressions.holds(wish, {"form": {"enrol": False}})


@pytest.mark.parametrize(("book", "amount"), [("5 years", 650_000), ("10 years", 950_000)])
def test_a_passports_fee_follows_from_the_book_and_cannot_be_filed(
    definitions: dict[str, Definition], book: str, amount: int
) -> None:
    passport = definitions["passport"]
    request = expressions.build(
        passport.by_name["bill"].request, {"form": {"nik": FATHER, "book": book}, "identity": PERSON}
    )
    assert request["amount"] == amount
    assert "amount" not in passport.form["properties"]
    assert passport.form["additionalProperties"] is False


def test_a_passport_is_paid_only_by_the_agencys_word(definitions: dict[str, Definition]) -> None:
    accept = definitions["passport"].by_name["payment"].accept
    assert accept is not None
    assert expressions.holds(accept, {"record": {"status": "paid"}})
    assert not expressions.holds(accept, {"record": {"status": "unpaid"}})
