"""A step for each element of a list: laid out at import, skipped where there is no element, joined again, seen as a list."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from simpul import expressions
from simpul.console.forms import Form as Checker
from simpul.definition import Definition

CATALOGUE = {
    "registry.find": {
        "request": {"fields": {"nik": {"required": True}}},
        "record": {"fields": ["nik", "number"]},
    },
    "registry.print": {
        "effect": "write",
        "request": {"fields": {"cards": {"required": True}, "kind": {"required": False}}},
        "record": {"fields": ["number"]},
    },
}


class Child(BaseModel):
    nik: str
    kind: Literal["own", "foster"]


class Form(BaseModel):
    urgent: bool
    children: list[Child] = Field(max_length=3)
    guests: list[str]
    maybe: list[str] | None = Field(max_length=2)


@pytest.fixture(autouse=True)
def _catalogue(airflow_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors import catalogue

    monkeypatch.setattr(catalogue, "load", lambda: CATALOGUE)


def made(build: Callable[[Any], None]) -> Definition:
    import simpul.workflow as w

    with w.Workflow("visit", version=1, title="Visit", standard="1 day", owner="office", form=Form) as dag:
        build(w)
    return dag.definition()


def refused(build: Callable[[Any], None]) -> str:
    from simpul.workflow.checks import WorkflowError

    with pytest.raises(WorkflowError) as refusal:
        made(build)
    return str(refusal.value)


def family(w: Any) -> None:
    first = w.OfficerStep("check", "office", within="1 day")
    found = w.AgencyStep("found", "registry.find", {"nik": "item.nik"}, for_each="form.children", title="Anak")
    card = w.AgencyStep(
        "card",
        "registry.print",
        {"cards": "found", "kind": w.choose("item.kind", {"own": 1, "foster": 2})},
        for_each="form.children",
        when="item.kind == 'own' or form.urgent",
    )
    last = w.AgencyStep("letter", "registry.print", {"cards": "card.number", "kind": "=all"})
    first >> found >> card >> last


CHILDREN = [{"nik": "1", "kind": "own"}, {"nik": "2", "kind": "foster"}]


def applying(definition: Definition, form: dict[str, Any]) -> list[str]:
    scope = {"form": form}
    return [step.name for step in definition.steps if step.when is None or expressions.holds(step.when, scope)]


def test_there_is_a_step_for_each_element_and_what_follows_comes_after_all_of_them() -> None:
    visit = made(family)
    assert [step.name for step in visit.steps] == [
        *("check", "found_1", "found_2", "found_3", "card_1", "card_2", "card_3", "letter")
    ]
    assert visit.by_name["found_2"].title == "Anak 2"
    assert visit.by_name["found_3"].after == ("check",)
    assert visit.by_name["letter"].after == ("card_1", "card_2", "card_3")


def test_a_step_without_its_element_or_whose_condition_is_false_for_it_is_skipped() -> None:
    visit = made(family)
    form = {"urgent": False, "children": CHILDREN}
    assert applying(visit, form) == ["check", "found_1", "found_2", "card_1", "letter"]
    assert applying(visit, form | {"urgent": True}) == ["check", "found_1", "found_2", "card_1", "card_2", "letter"]
    assert applying(visit, {"urgent": True, "children": []}) == ["check", "letter"]


def test_a_step_asks_about_its_element_and_refers_to_the_step_of_the_same_element() -> None:
    visit = made(family)
    scope = {"form": {"children": CHILDREN}, "found_1": {"number": "a"}, "found_2": {"number": "b"}}
    assert expressions.build(visit.by_name["found_2"].request, scope) == {"nik": "2"}
    assert expressions.build(visit.by_name["card_2"].request, scope) == {"cards": {"number": "b"}, "kind": 2}


def test_a_later_step_sees_what_was_done_as_a_list_in_the_order_of_the_form() -> None:
    request = made(family).by_name["letter"].request
    assert expressions.build(request, {"card_3": {"number": "c"}, "card_1": {"number": "a"}})["cards"] == ["a", "c"]
    assert expressions.build(request, {})["cards"] == []
    assert expressions.roots(request.values()) == {"card_1", "card_2", "card_3"}


def test_people_can_be_asked_about_each_element() -> None:
    visit = made(lambda w: w.OfficerStep("seen", "office", within="1 day", for_each="form.children", at_most=3))
    assert applying(visit, {"children": CHILDREN}) == ["seen_1", "seen_2"]


def test_a_form_with_more_elements_than_there_are_steps_is_refused_at_intake() -> None:
    form = {"urgent": True, "children": CHILDREN * 2, "guests": [], "maybe": None}
    (problem,) = Checker(made(family).form).problems(form)
    assert (problem.pointer, problem.message.en) == ("/form/children", "must have at most 3 items")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"for_each": "form.guests"}, "form.guests may have any number of elements, so some would have no step"),
        ({"for_each": "form.children", "at_most": 2}, "form.children may have 3 elements, so some would have no step"),
        ({"for_each": "form.urgent"}, "'form.urgent' is no list of the form that is always there"),
        ({"for_each": "form.maybe"}, "'form.maybe' is no list of the form that is always there"),
        ({"for_each": "found"}, "'found' is no list of the form"),
    ],
)
def test_a_list_that_may_be_longer_than_its_steps_or_is_none_is_refused_at_import(
    facts: dict[str, Any], why: str
) -> None:
    assert why in refused(lambda w: w.AgencyStep("card", "registry.find", {"nik": "item"}, **facts))


def test_a_misspelt_field_of_an_element_is_refused_at_import() -> None:
    each = {"for_each": "form.children"}
    said = refused(lambda w: w.AgencyStep("card", "registry.find", {"nik": "item.nikk"}, **each))
    assert "the form has no 'nikk'; did you mean 'nik'?" in said
    said = refused(lambda w: w.AgencyStep("card", "registry.find", {"nik": "item.nik"}, when="item.kin == 'x'", **each))
    assert "the form has no 'kin'; did you mean 'kind'?" in said


def test_one_record_is_not_taken_from_all_of_a_list() -> None:
    def build(w: Any) -> None:
        found = w.AgencyStep("found", "registry.find", {"nik": "item.nik"}, for_each="form.children")
        found >> w.AgencyStep("last", "registry.find", {"nik": "=1"}, reference="found.number", expires="found.number")

    assert "'found.number' is a list of records, and one is needed" in refused(build)


def test_what_is_two_steps_already_is_not_laid_out_for_each_element() -> None:
    def build(w: Any) -> None:
        w.GatherStep("paper", "registry.find", {"nik": "item.nik"}, instead_of="Kartu", for_each="form.children")

    assert "a GatherStep is not there once for each of a list" in refused(build)


def test_a_name_that_means_a_whole_list_is_no_step_of_its_own() -> None:
    def build(w: Any) -> None:
        w.OfficerStep("seen", "office", within="1 day", for_each="form.children")
        w.OfficerStep("seen", "office", within="1 day")

    assert "the name means all its steps, and is taken" in refused(build)
