import re
from collections.abc import Callable
from typing import Any, Literal

import pytest
from pydantic import BaseModel

CATALOGUE = {
    "registry.find": {
        "request": {"fields": {"nik": {"required": True}, "on": {"required": False}}},
        "record": {"fields": ["nik", "name", "address"]},
    },
    "registry.write": {
        "effect": "write",
        "request": {"fields": {"person": {"required": True}, "kind": {"required": False}}},
        "record": {"fields": ["number"]},
    },
    "treasury.bill": {
        "request": {"fields": {"amount": {"required": True}}},
        "record": {"fields": ["billing_code", "expires_at"]},
    },
    "simponi.get_bill": {
        "request": {"fields": {"billing_code": {"required": True}}},
        "record": {"fields": ["billing_code", "status"]},
    },
}


class Contact(BaseModel):
    phone: str


class Form(BaseModel):
    nik: str
    urgent: bool
    size: Literal["small", "large"]
    contact: Contact | None
    note: str | None = None
    people: list[str] = []


@pytest.fixture(autouse=True)
def _catalogue(airflow_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors import catalogue

    monkeypatch.setattr(catalogue, "load", lambda: CATALOGUE)


def workflow(**facts: Any) -> Any:
    from simpul.workflow import Workflow

    return Workflow(
        "permit", **({"version": 1, "title": "Izin", "standard": "1 day", "owner": "office", "form": Form} | facts)
    )


def refused(build: Callable[[Any], None]) -> str:
    import simpul.workflow as w
    from simpul.workflow.checks import WorkflowError

    def import_file() -> None:
        with workflow():
            build(w)

    with pytest.raises(WorkflowError) as refusal:
        import_file()
    return str(refusal.value)


def test_a_workflow_is_a_dag_that_only_the_engine_starts() -> None:
    from airflow.sdk import DAG

    with workflow() as dag:
        pass
    assert isinstance(dag, DAG)
    assert (dag.dag_id, dag.schedule, dag.catchup, dag.is_paused_upon_creation) == ("permit", None, False, False)


def test_the_version_is_part_of_the_dag_id_from_two_on() -> None:
    with workflow(version=2) as dag:
        pass
    assert dag.dag_id == "permit_v2"


def test_a_step_runs_in_the_triggerer_only_and_is_handed_its_names() -> None:
    from simpul.workflow import AgencyStep

    with workflow(version=3):
        step = AgencyStep("applicant", "registry.find", {"nik": "form.nik"})
    assert step.start_from_trigger is True
    assert step.start_trigger_args.trigger_cls == "simpul.workflow.trigger.StepTrigger"
    assert step.start_trigger_args.trigger_kwargs == {"service": "permit", "version": 3, "step": "applicant"}
    assert step.start_trigger_args.timeout is None
    assert step.execution_timeout is None
    assert tuple(step.template_fields) == ()
    assert step.retries


def test_a_step_keeps_its_trigger_when_airflow_stores_the_dag() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    from simpul.workflow import AgencyStep

    with workflow() as dag:
        AgencyStep("applicant", "registry.find", {"nik": "form.nik"})
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("applicant")
    assert stored.start_from_trigger is True
    assert stored.start_trigger_args.trigger_cls == "simpul.workflow.trigger.StepTrigger"


def test_the_definition_holds_the_steps_in_topological_order_with_what_they_come_after() -> None:
    from simpul.workflow import AgencyStep, PaymentStep

    with workflow() as dag:
        paid = PaymentStep("paid", bill="bill", title="Pembayaran")
        bill = AgencyStep("bill", "treasury.bill", {"amount": 100})
        applicant = AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, when="form.urgent")
        last = AgencyStep("last", "registry.write", {"person": "=nobody"})
        applicant >> bill >> [paid, last]
        paid >> last
    definition = dag.definition()
    assert [(step.name, step.after) for step in definition.steps] == [
        ("applicant", ()),
        ("bill", ("applicant",)),
        ("paid", ("bill",)),
        ("last", ("bill", "paid")),
    ]
    assert definition.form["properties"].keys() == {"nik", "urgent", "size", "contact", "note", "people"}
    assert definition.dag_id == dag.dag_id


def test_a_payment_step_asks_for_its_bill_until_it_is_paid_or_lapses() -> None:
    from simpul.workflow import AgencyStep, PaymentStep

    with workflow() as dag:
        AgencyStep("bill", "treasury.bill", {"amount": 100}) >> PaymentStep("paid", bill="bill")
    step = dag.definition().by_name["paid"]
    assert (step.kind, step.operation, step.request) == (
        "payment",
        "simponi.get_bill",
        {"billing_code": "bill.billing_code"},
    )
    assert (step.accept, step.expires, step.reference) == (
        "record.status == 'paid'",
        "bill.expires_at",
        "bill.billing_code",
    )


def test_an_unknown_operation_is_refused_with_the_nearest_right_name() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.fnd", {"nik": "form.nik"}))
    assert message == "step 'applicant': there is no operation 'registry.fnd'; did you mean 'registry.find'?"


def test_an_unknown_request_field_is_refused_with_the_nearest_right_name() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nk": "form.nik"}))
    assert message == "step 'applicant': registry.find has no request field 'nk'; did you mean 'nik'?"


def test_a_request_without_a_required_field_is_refused() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"on": "=2026-01-01"}))
    assert message == "step 'applicant': registry.find also needs nik"


def test_a_path_to_a_field_that_the_form_has_not_is_refused() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.nikk"}))
    assert message == "step 'applicant': nik: 'form.nikk': the form has no 'nikk'; did you mean 'nik'?"


def test_a_path_into_a_part_of_the_form_is_followed() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.contact.fone"}))
    assert message.endswith("the form has no 'fone'; did you mean 'phone'?")


def test_a_path_to_what_the_form_may_leave_out_needs_a_question_mark() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.note"}))
    assert "'form.note' is not always there; write 'form.note?'" in message


def test_a_place_in_a_list_needs_a_question_mark_because_the_list_may_be_shorter() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.people.0"}))
    assert "'form.people.0' is not always there; write 'form.people.0?'" in message


def test_a_path_with_a_question_mark_may_lead_nowhere_but_not_be_misspelt() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.nik", "on": "form.noet?"}))
    assert message.endswith("did you mean 'note'?")


def test_a_path_to_a_field_that_a_record_has_not_is_refused() -> None:
    def build(w: Any) -> None:
        applicant = w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"})
        applicant >> w.AgencyStep("entry", "registry.write", {"person": "applicant.nam"})

    assert refused(build).endswith("registry.find answers without 'nam'; did you mean 'name'?")


def test_a_path_to_a_step_that_does_not_come_before_is_refused() -> None:
    def build(w: Any) -> None:
        w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"})
        w.AgencyStep("entry", "registry.write", {"person": "applicant"})

    assert "'applicant' begins with neither the form nor an earlier step" in refused(build)


def test_a_path_to_a_step_that_may_be_skipped_needs_a_question_mark() -> None:
    def build(w: Any) -> None:
        applicant = w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, when="form.urgent")
        applicant >> w.AgencyStep("entry", "registry.write", {"person": "applicant"})

    assert "'applicant' is not always there" in refused(build)


def test_steps_that_are_skipped_together_may_refer_to_each_other() -> None:
    with workflow() as dag:
        from simpul.workflow import AgencyStep

        applicant = AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, when="form.urgent")
        applicant >> AgencyStep("entry", "registry.write", {"person": "applicant"}, when="form.urgent")
    assert dag.definition().by_name["entry"].when == "form.urgent"


def test_a_condition_may_ask_whether_something_is_there() -> None:
    with workflow() as dag:
        from simpul.workflow import AgencyStep

        asked = "form.note is defined and form.note != ''"
        applicant = AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, when=asked)
        applicant >> AgencyStep(
            "entry",
            "registry.write",
            {"person": "applicant?"},
            when="applicant is defined and applicant.name == 'Contoh'",
        )
    assert dag.definition().by_name["applicant"].when == asked
    misspelt = refused(
        lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, when="form.noet is defined")
    )
    assert misspelt.endswith("did you mean 'note'?")
    unasked = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, when="form.note != ''"))
    assert "'form.note' is not always there" in unasked


def test_a_condition_that_names_what_is_not_there_is_refused() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, when="not form.urgnt"))
    assert message.endswith("the form has no 'urgnt'; did you mean 'urgent'?")


def test_a_malformed_condition_is_refused() -> None:
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, when="form.urgent and"))
    assert "step 'applicant', when: the condition 'form.urgent and' is malformed" in message


def test_acceptance_is_about_the_answer_only() -> None:
    def build(accept: str) -> Callable[[Any], None]:
        waits = {"expires": "form.nik", "reference": "form.nik"}
        return lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, accept=accept, **waits)

    assert "only `record` is" in refused(build("form.urgent"))
    assert refused(build("record.nam != ''")).endswith("did you mean 'name'?")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "`expires` and `reference`"),
        ({"expires": "form.nik"}, "`reference`"),
        ({"reference": "form.nik"}, "`expires`"),
    ],
)
def test_an_answer_that_nobody_would_ask_for_again_cannot_be_waited_for(given: dict[str, str], missing: str) -> None:
    accept = "record.name == 'ready'"
    message = refused(lambda w: w.AgencyStep("applicant", "registry.find", {"nik": "form.nik"}, accept=accept, **given))
    assert message.startswith("step 'applicant', accept: an answer that is not accepted yet would wait for ever")
    assert f"say with {missing} until" in message


def test_a_write_is_not_asked_again_until_its_answer_is_accepted() -> None:
    waits = {"accept": "record.number != ''", "expires": "form.nik", "reference": "form.nik"}
    message = refused(lambda w: w.AgencyStep("entry", "registry.write", {"person": "=nobody"}, **waits))
    assert "registry.write is a write, and each asking again would be a second one" in message


def test_a_choice_must_say_something_for_every_value_that_the_form_allows() -> None:
    def build(w: Any) -> None:
        amount = w.choose("form.size", {"small": 1})
        w.AgencyStep("bill", "treasury.bill", {"amount": amount})

    assert refused(build) == "step 'bill', amount: the choice says nothing for large"


def test_steps_that_wait_for_each_other_are_refused() -> None:
    def build(w: Any) -> None:
        first = w.AgencyStep("first", "registry.find", {"nik": "form.nik"})
        second = w.AgencyStep("second", "registry.find", {"nik": "form.nik"})
        first >> second >> first

    assert refused(build).endswith("these steps wait for each other: first, second")


def test_a_step_outside_a_workflow_is_refused() -> None:
    from simpul.workflow import AgencyStep
    from simpul.workflow.checks import WorkflowError

    with pytest.raises(WorkflowError, match="outside a Workflow"):
        AgencyStep("applicant", "registry.find", {"nik": "form.nik"})


def test_a_service_with_an_unusable_name_is_refused() -> None:
    from simpul.workflow import AgencyStep, Workflow
    from simpul.workflow.checks import WorkflowError

    with Workflow("Permit-1", version=1, title="Izin", standard="1 day", owner="office", form=Form) as dag:
        AgencyStep("applicant", "registry.find", {"nik": "form.nik"})
    with pytest.raises(WorkflowError, match="service"):
        dag.definition()


def test_people_are_steps_too_and_later_steps_reach_what_they_entered() -> None:
    from simpul.workflow import AgencyStep, CitizenStep, OfficerStep, Want

    with workflow() as dag:
        check = OfficerStep(
            "check", "permits", within="2 working days", wants=[Want(name="visited", title="Kunjungan", kind="date")]
        )
        paper = CitizenStep("paper", [Want(name="letter", title="Surat")], within="3 days")
        (
            check
            >> paper
            >> AgencyStep(
                "last", "registry.write", {"person": "check.findings.visited", "kind": "paper.answers.letter"}
            )
        )
    steps = dag.definition().by_name
    assert (steps["check"].kind, steps["check"].waits_for, steps["check"].overdue) == (
        "officer",
        "officer:permits",
        "escalate",
    )
    assert (steps["paper"].kind, steps["paper"].waits_for, steps["paper"].overdue) == ("citizen", "citizen", "lapse")
    assert steps["check"].operation == steps["check"].agency == ""


def test_what_is_wrong_with_a_step_for_people_is_said_when_the_file_is_read() -> None:
    def with_span(w: Any) -> None:
        w.OfficerStep("check", "permits", within="soon")

    def without_wants(w: Any) -> None:
        w.CitizenStep("paper", [], within="3 days")

    def twice(w: Any) -> None:
        w.CitizenStep("paper", [w.Want(name="a", title="A"), w.Want(name="a", title="B")], within="3 days")

    def unasked(w: Any) -> None:
        step = w.CitizenStep("paper", [w.Want(name="letter", title="Surat")], within="3 days")
        step >> w.AgencyStep("last", "registry.write", {"person": "paper.answers.lettr"})

    assert "working days" in refused(with_span)
    assert "wants" in refused(without_wants)
    assert "twice" in refused(twice)
    assert "did you mean 'letter'" in refused(unasked)


def test_steps_for_people_leave_the_digests_of_older_definitions_as_they_were() -> None:
    from simpul.definition import Definition

    step = {"name": "a", "kind": "agency", "operation": "b.c", "request": {}}
    facts = {"service": "s", "version": 1, "title": "S", "standard": "1 day", "owner": "b", "form": {}}
    assert Definition.model_validate({**facts, "steps": [step]}).digest == (
        "d112bdcbc60b389232521d950780babd39f38d487a9e445871ba9307c323728c"
    )


@pytest.mark.parametrize(
    ("version", "renamed", "why"),
    [
        (1, {"old": "ask"}, "version 1 comes after no other"),
        (2, {"old": "aks"}, "there is no step 'aks'; did you mean 'ask'?"),
        (2, {"ask": "pay"}, "'ask' is a step of this version too"),
        (2, {"old": "ask", "older": "ask"}, "two steps cannot have become one"),
    ],
)
def test_what_a_step_was_called_before_is_checked(version: int, renamed: dict[str, str], why: str) -> None:
    import simpul.workflow as w
    from simpul.workflow.checks import WorkflowError

    def import_file() -> None:
        with workflow(version=version, renamed=renamed):
            for name in ("ask", "pay"):
                w.OfficerStep(name, "office", within="1 day")

    with pytest.raises(WorkflowError, match=re.escape(why)):
        import_file()


def test_former_names_are_told_but_do_not_count_as_a_change_of_steps() -> None:
    import simpul.workflow as w

    found = []
    for renamed in ({}, {"asked": "ask"}):
        with workflow(version=2, renamed=renamed) as dag:
            w.OfficerStep("ask", "office", within="1 day")
        found.append(dag.definition())
    assert found[0].digest == found[1].digest
    assert ["renamed" in each.model_dump(mode="json") for each in found] == [False, True]
