"""No log line shows what a schema calls personal."""

import io
import json
import logging
import sys

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from simpul import telemetry
from simpul.telemetry import Redactor, describe, redactor, without_numbers


@pytest.fixture
def lines(monkeypatch):
    """Logging as a process sets it up; gives the lines written so far."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    telemetry.configure("test", log_format="json")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_field_that_a_record_calls_personal_is_hidden_wherever_it_stands(lines):
    telemetry.logger("a").info("filed", mother_name="Siti", parents=[{"name": "Budi", "step": "deed"}], step="deed")
    (line,) = lines()
    assert (line["mother_name"], line["parents"], line["step"]) == ("***", [{"name": "***", "step": "deed"}], "deed")


def test_a_field_that_a_form_calls_personal_is_hidden_once_the_form_is_known():
    hides = Redactor(set())
    hides.learn(
        {
            "type": "object",
            "properties": {
                "plot": {"x-personal": {"class": "general"}, "type": "object", "properties": {"owner": {}, "area": {}}},
                "colour": {"type": "string"},
                "people": {"type": "array", "items": {"$ref": "#/$defs/P"}},
            },
            "$defs": {"P": {"properties": {"nickname": {"anyOf": [{"x-personal": {"class": "general"}}]}}}},
        }
    )
    assert hides(None, "info", {"plot": 1, "nickname": "B", "colour": "red"}) == {
        "plot": "***",
        "nickname": "***",
        "colour": "red",
    }


@pytest.mark.parametrize(
    "written", ["9974010101900001", "9974.0101.0190.0001", "9974 0101 0190 0001", "997401-010190-0001"]
)
def test_a_number_of_sixteen_digits_is_hidden_however_it_is_written(written):
    assert without_numbers(f"no answer for {written}, sorry") == "no answer for ***, sorry"


@pytest.mark.parametrize("kept", ["99260000000010", "2026-11-22T03:09:43.090682Z", "0123456789abcdef0123456789abcdef"])
def test_other_numbers_stay(kept):
    assert without_numbers(kept) == kept


@given(st.integers(10**15, 10**16 - 1), st.text(st.characters(categories=["L"])), st.sampled_from(["key", "event"]))
def test_no_shape_of_a_value_carries_a_nik_into_the_log(nik, word, key):
    for value in (nik, str(nik), f"{word} {nik}", [nik], {word: {str(nik): nik}}, ValueError(nik), str(nik).encode()):
        line = redactor(None, "info", {key: value})
        assert str(nik) not in json.dumps(line | {key: _keys_hidden(line[key])})


def _keys_hidden(value):
    """Keys of mappings are names given by code; only values are looked at here."""
    return [_keys_hidden(item) for item in value.values()] if isinstance(value, dict) else value


def test_an_exception_shows_where_it_happened_and_not_what_was_in_it(lines):
    try:
        try:
            int("Budi Santoso")
        except ValueError as error:
            raise RuntimeError("no such person: Budi Santoso") from error
    except RuntimeError:
        telemetry.logger("a").exception("it broke")
    (line,) = lines()
    assert "Budi" not in json.dumps(line)
    assert "test_telemetry_redaction.py" in line["exception"]
    assert "RuntimeError" in line["exception"]
    assert "ValueError" in line["exception"]


def test_libraries_that_log_are_redacted_too(lines):
    try:
        raise KeyError("Budi")
    except KeyError:
        logging.getLogger("some.library").exception("no row for %s", 9974010101900001)
    (line,) = lines()
    assert line["event"] == "no row for ***"
    assert "Budi" not in json.dumps(line)
    assert (line["process"], line["logger"]) == ("test", "some.library")


def test_an_error_of_the_operating_system_says_what_it_is():
    assert describe(FileNotFoundError(2, "No such file or directory", "/data/Budi.txt")).endswith(
        "No such file or directory"
    )


def test_an_agency_error_shows_its_diagnosis():
    from connectors.toolkit.errors import Misconfigured
    from schemas.text import Text

    error = Misconfigured("LOGIN", diagnosis=Text(id="Login gagal.", en="Login failed."), owner="us")
    assert "Login failed" in describe(error)
