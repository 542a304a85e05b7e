"""No log line shows what a schema calls personal."""

import io
import json
import logging
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

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
    for hooks in (sys, threading):
        monkeypatch.setattr(hooks, "excepthook", hooks.excepthook)
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
    "written",
    [
        "9974010101900001",
        "9974.0101.0190.0001",
        "9974 0101 0190 0001",
        "997401-010190-0001",
        "997401/010190/0001",
        "997401_010190_0001",
        "9974%200101%200190%200001",
        "9974+0101+0190+0001",
        "9974 - 0101 - 0190 - 0001",
        "9974\u00a00101\u00a00190\u20110001",
        "997401010190000",
        "99740101019000011",
        "9974010101900001 9974010101900002",
        "99740101019000019974010101900002",
        "2026-11-22 9974010101900001",
    ],
)
def test_a_number_of_fifteen_digits_or_more_is_hidden_however_it_is_written(written):
    assert without_numbers(f"no answer for {written}, sorry") == "no answer for ***, sorry"


def test_a_number_is_hidden_inside_a_word_too():
    assert without_numbers("ktp9974010101900001.pdf") == "ktp***.pdf"
    assert without_numbers("a9974010101900001b" + "0" * 13) == "a***b" + "0" * 13


@pytest.mark.parametrize(
    "kept",
    [
        "99260000000010",
        "99-26-000000001-0",
        "2026-11-22T03:09:43.090682Z",
        "2026-11-22 03:09:43.090682+00:00",
        "0123456789abcdef0123456789abcdef",
        "wave_0123456789012345678901234567890a",
        "0123456789012345678901234567890a:outcome",
        "00-0123456789012345678901234567890a-0123456789012345-01",
        "01234567-8901-2345-6789-0123456789ab",
        "0123456789012345678901234567890a" * 2,
        "127.0.0.1:8900",
    ],
)
def test_other_numbers_and_ids_stay(kept):
    assert without_numbers(kept) == kept


@given(st.uuids(version=4))
def test_no_id_is_mangled(made):
    for written in (made.hex, f"wave_{made.hex}", f"{made.hex}:record", str(made)):
        assert without_numbers(f"no run of {written}, again") == f"no run of {written}, again"


def test_keys_are_redacted_as_values_are():
    line = redactor(None, "info", {"9974010101900001": 1, "counts": {9974010101900001: 2, ("9974010101900001",): 3}})
    assert "9974010101900001" not in str(line)


AN_ID = uuid.UUID("01234567-8901-2345-6789-0123456789ab")


@dataclass
class Citizen:
    called: str


def test_an_object_is_shown_by_its_type_alone():
    line = redactor(None, "info", {"who": Citizen("Budi Santoso"), "all": [{Citizen}, {"a": Citizen("Budi")}]})
    assert "Budi" not in str(line)
    assert line["who"] == f"<{__name__}.Citizen>"


def test_what_has_no_parts_is_shown_as_it_is():
    moment = datetime(2026, 1, 9, tzinfo=UTC)
    line = redactor(None, "info", {"a": Decimal("1.5"), "b": moment, "c": timedelta(seconds=3), "d": AN_ID})
    assert line == {"a": "1.5", "b": str(moment), "c": "0:00:03", "d": str(AN_ID)}
    assert redactor(None, "info", {"seconds": 0.1234567890123456}) == {"seconds": 0.1234567890123456}


@pytest.mark.parametrize(
    "ends",
    [
        "fail()",
        "thread = threading.Thread(target=fail); thread.start(); thread.join()",
        "logging.getLogger('x').warning('%d', 'Budi Santoso')",
    ],
)
def test_what_nobody_catches_shows_no_input(ends):
    program = (
        "import logging, sys, threading\nfrom simpul import telemetry\n"
        "def fail():\n"
        "    try:\n        int(sys.argv[1])\n"
        "    except ValueError as error:\n        raise RuntimeError(sys.argv[1]) from error\n"
        f"telemetry.configure('test')\n{ends}\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "Budi Santoso 9974010101900001"], capture_output=True, text=True, check=False
    )
    assert "Budi" not in ended.stdout + ended.stderr
    assert "9974010101900001" not in ended.stdout + ended.stderr
    assert "Error" in ended.stderr
    assert ended.returncode == (1 if ends == "fail()" else 0)


def test_what_nobody_catches_is_a_log_line_that_says_where(lines):
    try:
        raise RuntimeError("Budi")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    (line,) = lines()
    assert (line["level"], line["event"]) == ("critical", "an exception ended the process")
    assert "test_telemetry_redaction.py" in line["exception"]


@given(st.integers(10**15, 10**16 - 1), st.text(st.characters(categories=["L"])), st.sampled_from(["key", "event"]))
def test_no_shape_of_a_value_carries_a_nik_into_the_log(nik, word, key):
    for value in (
        nik,
        str(nik),
        f"{word} {nik}",
        f"{word}{nik}{word}",
        float(nik),
        [nik],
        {word: {str(nik): nik}},
        ValueError(nik),
        str(nik).encode(),
    ):
        line = redactor(None, "info", {key: value})
        assert str(nik) not in json.dumps(line)


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
