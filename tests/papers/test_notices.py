from pathlib import Path

import pytest

from connectors.notify.requests import Message
from simpul.expressions import ExpressionError
from simpul.papers import notices, words
from simpul.papers.words import FOLDER, TemplateError

SHIPPED = sorted(file.stem for file in (FOLDER / "notices").glob("*.toml"))
GIVEN = {"service": "Paket kelahiran", "number": "99-26-0000000-17"}
VALUES = {"document": "Akta", "link": "https://mpp.example/check/x", "what": "Foto", "place": "Loket 3"}


def contact(**changes):
    return {"channel": "whatsapp", "recipient": "0812", "language": "id"} | changes


def written(tmp_path, text, subject="{{ service }}"):
    file = tmp_path / "own.toml"
    file.write_text("".join(f'[{one}]\nsubject = "{subject}"\ntext = "{text}"\n' for one in ("id", "en")))
    return file


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("language", ["id", "en"])
def test_each_notice_says_in_each_language_what_the_gateway_takes(name, language):
    _, template = notices.read(name)
    given = {"at": "2026-03-02T08:30:00+07:00", **VALUES}
    values = GIVEN | {each: given[each] for each in template.variables}
    said = notices.message(template, values, contact(language=language, channel="email", recipient="a@example.id"))
    Message.model_validate(said)
    assert "99-26-0000000-17" in said["text"]


def test_a_date_is_said_in_the_citizen_s_language():
    _, template = notices.read("appointment")
    values = GIVEN | {"what": "Foto", "at": "2026-03-02T08:30:00+07:00", "place": "Loket 3"}
    said = [notices.message(template, values, contact(language=one))["text"] for one in ("id", "en")]
    assert "2 Maret 2026" in said[0]
    assert "2 March 2026" in said[1]


def test_a_line_break_in_a_value_makes_no_line_of_the_notice(tmp_path):
    _, template = notices.read(written(tmp_path, "{{ name }}", "{{ name }}"))
    said = notices.message(template, {"name": "Contoh\r\nBcc: x\u2028y"}, contact())
    assert said["subject"] == "Contoh Bcc: x y"


def test_a_value_with_braces_is_text_and_no_template(tmp_path):
    _, template = notices.read(written(tmp_path, "{{ name }}"))
    said = notices.message(template, GIVEN | {"name": "{{ 7 * 7 }}"}, contact())
    assert said["text"] == "{{ 7 * 7 }}"


@pytest.mark.parametrize("value", ["x" * 4001, ""])
def test_what_would_be_too_long_or_empty_is_refused_without_being_quoted(tmp_path, value):
    _, template = notices.read(written(tmp_path, "{{ name }}"))
    with pytest.raises(ExpressionError) as refused:
        notices.message(template, GIVEN | {"name": value}, contact())
    assert "xx" not in str(refused.value)


def test_a_value_of_another_kind_is_refused_without_being_quoted(tmp_path):
    _, template = notices.read(written(tmp_path, "{{ at | day }}"))
    with pytest.raises(ExpressionError) as refused:
        notices.message(template, GIVEN | {"at": "yesterday"}, contact())
    assert "yesterday" not in str(refused.value)


def test_an_unknown_template_lists_those_there_are():
    with pytest.raises(TemplateError, match="document_ready"):
        notices.read("document_redy")


def test_a_malformed_template_names_where():
    with pytest.raises(TemplateError, match="no template"):
        notices.read(Path("/nowhere.toml"))


def test_a_template_s_syntax_is_checked_when_it_is_read(tmp_path):
    with pytest.raises(TemplateError, match=r"own\.toml: id\.text"):
        notices.read(written(tmp_path, "{{ name"))


def test_values_are_compared_with_what_the_template_says():
    _, template = notices.read("document_ready")
    assert words.misfits(template, {"document", "link"}) == []
    assert words.misfits(template, {"document", "lnk"}) == [
        "the template also needs link",
        "the template does not say lnk; it takes document, link",
    ]
