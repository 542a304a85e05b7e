"""Steps that write: what is wrong with them is an import error."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

pytestmark = pytest.mark.usefixtures("airflow_home")


class Form(BaseModel):
    nik: str
    name: str


def workflow(build: Callable[[Any], None]) -> Any:
    import simpul.workflow as w

    with w.Workflow("permit", version=1, title="Izin", standard="1 day", owner="dpmptsp", form=Form) as made:
        build(w)
    return made


def refused(build: Callable[[Any], None]) -> str:
    from simpul.workflow.checks import WorkflowError

    with pytest.raises(WorkflowError) as refusal:
        workflow(build)
    return str(refusal.value)


def test_a_notice_s_words_are_in_the_definition_and_may_be_corrected_within_a_version(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    text = '[{}]\nsubject = "s"\ntext = "{} {{{{ name }}}}"\n'
    definitions = []
    for word in ("Halo", "Selamat"):
        file.write_text("".join(text.format(language, word) for language in ("id", "en")))
        made = workflow(lambda w: w.NotifyStep("told", file, {"name": "form.name"}))
        definitions.append(made.definition())
    one, two = definitions
    assert one.steps[0].wording.id.text == "Halo {{ name }}"
    assert one.steps[0].template == "own"
    assert one != two
    assert one.digest == two.digest


def test_another_template_or_other_values_are_another_version() -> None:
    one = workflow(lambda w: w.NotifyStep("told", "completed")).definition()
    two = workflow(
        lambda w: w.NotifyStep("told", "document_ready", {"document": "=Akta", "link": "=https://x"})
    ).definition()
    three = workflow(
        lambda w: w.NotifyStep("told", "document_ready", {"document": "form.name", "link": "=https://x"})
    ).definition()
    assert len({one.digest, two.digest, three.digest}) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("told", "complete"), "step 'told': there is no template 'complete' in notices"),
        (
            ("told", "document_ready", {"document": "=Akta"}),
            "step 'told', document_ready: the template also needs link",
        ),
        (("told", "completed", {"nmae": "form.name"}), "the template does not say nmae"),
        (
            ("told", "document_ready", {"document": "form.nam", "link": "=x"}),
            "document: 'form.nam': the form has no 'nam'; did you mean 'name'?",
        ),
    ],
)
def test_a_misspelt_notice_is_an_import_error(arguments: tuple[Any, ...], says: str) -> None:
    assert says in refused(lambda w: w.NotifyStep(*arguments))


def test_a_notice_may_not_have_been_sent_so_who_asks_about_it_says_that() -> None:
    def build(w: Any) -> None:
        told = w.NotifyStep("told", "completed")
        told >> w.AgencyStep("person", "dukcapil.get_person", {"nik": "told.recipient"})

    assert "write 'told.recipient?'" in refused(build)


def test_a_document_is_issued_by_the_owner_unless_another_is_named() -> None:
    values = {"name": "form.name", "what": "=Terdaftar"}
    one = workflow(lambda w: w.DocumentStep("letter", "certificate", values)).definition()
    two = workflow(lambda w: w.DocumentStep("letter", "certificate", values, issuer="Dinas")).definition()
    assert [each.steps[0].issuer for each in (one, two)] == ["dpmptsp", "Dinas"]
    assert one.steps[0].asked_of == "engine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("letter", "certificat"), "there is no template 'certificat' in documents"),
        (("letter", "certificate", {"name": "form.name"}), "the template also needs what"),
        (("letter", "certificate", {"name": "form.nik.x", "what": "=x"}), "the form has no 'x'"),
    ],
)
def test_a_misspelt_document_is_an_import_error(arguments: tuple[Any, ...], says: str) -> None:
    assert says in refused(lambda w: w.DocumentStep(*arguments))


def test_what_a_document_s_record_holds_is_known_to_the_steps_after_it() -> None:
    def build(w: Any) -> None:
        letter = w.DocumentStep("letter", "certificate", {"name": "form.name", "what": "=x"})
        letter >> w.NotifyStep("told", "document_ready", {"document": "letter.title", "link": "letter.chek_url"})

    assert "'letter.chek_url': the document answers without 'chek_url'; did you mean 'check_url'?" in refused(build)


def test_a_document_is_signed_by_a_name_and_who_misspells_the_document_is_told() -> None:
    def build(w: Any, document: str = "letter") -> None:
        letter = w.DocumentStep("letter", "certificate", {"name": "form.name", "what": "=x"})
        letter >> w.SignStep("signed", document, "head", reason="Terbit") >> w.SignStep("sealed", "signed", "office")

    _, signed, sealed = workflow(build).definition().steps
    assert signed.operation == "bsre.sign_pdf"
    assert signed.request == {"content": "letter.content", "signer": "=head", "reason": "=Terbit"}
    assert sealed.request["content"] == "signed.content"
    assert "did you mean 'letter'?" in refused(lambda w: build(w, "leter"))


def test_gathering_is_a_question_and_a_read_and_what_comes_before_it_comes_before_the_question() -> None:
    def build(w: Any) -> None:
        check = w.OfficerStep("check", "permits", within="1 working day")
        last = w.AgencyStep("person", "dukcapil.get_person", {"nik": "form.nik"})
        gather = w.GatherStep("family", "dukcapil.get_family", {"nkk": "form.nik"}, instead_of="Kartu Keluarga")
        check >> gather >> last

    steps = {step.name: step for step in workflow(build).definition().steps}
    assert {name: step.after for name, step in steps.items()} == {
        "check": (),
        "family_consent": ("check",),
        "family": ("family_consent",),
        "person": ("family",),
    }
    assert steps["family_consent"].consent == "family"
    assert steps["family"].when == "family_consent.answers.agreed"


def test_gathering_after_set_the_other_way_round_and_under_a_condition() -> None:
    def build(w: Any) -> None:
        check = w.OfficerStep("check", "permits", within="1 working day")
        gather = w.GatherStep(
            "family", "dukcapil.get_family", {"nkk": "form.nik"}, instead_of="KK", when="form.name == 'x'"
        )
        gather << check

    steps = {step.name: step for step in workflow(build).definition().steps}
    assert steps["family_consent"].after == ("check",)
    assert steps["family_consent"].when == "form.name == 'x'"
    assert steps["family"].when == "(form.name == 'x') and family_consent.answers.agreed"


@pytest.mark.parametrize(
    ("operation", "request_", "says"),
    [
        ("dukcapil.register_birth", {}, "dukcapil.register_birth is no read (write)"),
        ("dukcapil.get_famly", {"nkk": "form.nik"}, "there is no operation 'dukcapil.get_famly'"),
        ("dukcapil.get_family", {"nkk": "form.nk"}, "the form has no 'nk'"),
    ],
)
def test_a_misspelt_gathering_or_one_that_writes_is_an_import_error(
    operation: str, request_: dict[str, str], says: str
) -> None:
    assert says in refused(lambda w: w.GatherStep("family", operation, request_, instead_of="KK"))


def test_who_reads_what_may_have_been_refused_says_so() -> None:
    def build(w: Any) -> None:
        gather = w.GatherStep("family", "dukcapil.get_family", {"nkk": "form.nik"}, instead_of="KK")
        gather >> w.AgencyStep("person", "dukcapil.get_person", {"nik": "family.nkk"})

    assert "write 'family.nkk?'" in refused(build)
