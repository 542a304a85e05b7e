"""The kit finds what it says it finds: the village passes every check, and with one thing broken it fails that check alone."""

import importlib
import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors import catalogue, registry
from connectors.conformance import CHECKS, Subject, faults, recorded, report, run
from connectors.conformance.suite import chosen, examine
from simpul.commands import connector

VILLAGE = Path(__file__).parent / "village"

CONNECTOR, SANDBOX, SETTINGS, README = "connector.py", "sandbox.py", "settings.py", "README.md"

ASKS = 'found = self.asked("GET", f"residents/{query.nik}")'
"""In the village's connector, what `get_resident` does."""

BREAKS: dict[str, list[tuple[str, str, str]]] = {
    "structural.files": [
        (SETTINGS, "", "elsewhere.py"),
        (CONNECTOR, "village.settings", "village.elsewhere"),
        (SANDBOX, "village.settings", "village.elsewhere"),
    ],
    "structural.settings": [(SETTINGS, 'description="Our name, from the office."', "")],
    "structural.secrets": [
        (SETTINGS, "    token:", '    pin: str = Field(default="", description="For the door.")\n    token:')
    ],
    "structural.silence": [
        (CONNECTOR, "    def headers", "    def __repr__(self):\n        return str(self.headers())\n\n    def headers")
    ],
    "structural.operations": [(CONNECTOR, 'purpose="proof of domicile", legal_basis="UU 24/2013"', 'purpose="proof"')],
    "structural.look_up": [(CONNECTOR, "    @issue_card.reconcile\n", "")],
    "structural.compensation": [
        (CONNECTOR, 'effect="write", purpose', 'effect="write", compensate="burn_card", purpose')
    ],
    "structural.records": [
        (CONNECTOR, "class Ask(", 'class Own(Person):\n    schema_name = "own"\n\n\nclass Ask('),
        (CONNECTOR, "-> Person:", "-> Own:"),
        (CONNECTOR, "return Person(", "return Own("),
    ],
    "structural.readme": [(README, "| `order_card` | idempotent | **[G]** |", "| `order_card` | idempotent | |")],
    "structural.examples": [(SANDBOX, '("get_resident", "order_card", ', '("get_resident", ')],
    "structural.catalogue": [("operations.json", "proof of domicile", "curiosity")],
    "effects.examples_work": [(SANDBOX, '{"nik": scene.family.father.nik}', '{"nik": "9999999999999999"}')],
    "effects.reads_do_nothing": [
        (SANDBOX, "        person = world", '        agency.wrote("x", "x")\n        person = world')
    ],
    "effects.writes_are_counted": [(SANDBOX, '        agency.wrote("draft_card", key)\n', "")],
    "effects.idempotent_is_once": [(SANDBOX, "if key not in orders:", "if key:")],
    "effects.lost_writes_are_found": [(SANDBOX, 'cards.get(request.parameters["key"]', 'cards.get("another"')],
    "effects.unknown_is_none": [(CONNECTOR, "            return None\n", "            raise\n")],
    "effects.look_up_in_trouble": [(CONNECTOR, "except Rejected:", "except (Rejected, Retriable):")],
    "effects.repeatable_says_why": [(README, "repeatable: a draft made twice is thrown away", "repeatable")],
    "faults.right_error": [
        (
            CONNECTOR,
            ASKS,
            f'try:\n            {ASKS}\n        except Retriable:\n            raise Rejected("NO", reason=NO)',
        )
    ],
    "faults.written_is_in_doubt": [(CONNECTOR, 'if found["found"] is False:', 'if found.get("found") is not True:')],
    "faults.in_time": [
        (
            CONNECTOR,
            ASKS,
            (
                f"try:\n            {ASKS}\n        except BadData as error:\n"
                '            __import__("time").sleep(3 if error.code == "TOO_LARGE" else 0)\n            raise'
            ),
        )
    ],
    "faults.silence": [(CONNECTOR, ASKS, f'__import__("logging").info("asked for %s", query.nik)\n        {ASKS}')],
    "faults.next_call": [
        (
            CONNECTOR,
            ASKS,
            (
                'left, self.left = getattr(self, "left", None) or query.nik, query.nik\n'
                f"        {ASKS.replace('query.nik', 'left')}\n        self.left = None"
            ),
        )
    ],
    "mapping.total": [
        (
            CONNECTOR,
            ASKS,
            f'{ASKS}\n        if found["nik"] != query.nik:\n            raise BadData(str(found), diagnosis=NO)',
        )
    ],
    "mapping.recorded": [(CONNECTOR, 'name=found["name"])', 'name=found["name"][::-1])')],
    "callbacks.good_is_taken": [(CONNECTOR, "return Taken(signals=(signal,))", "return Taken()")],
    "callbacks.proof": [(CONNECTOR, "if not hmac.compare_digest(", "if False and not hmac.compare_digest(")],
    "callbacks.replay": [(CONNECTOR, 'id=f"card-{push.id}"', "id=f\"card-{id(push)}-{__import__('uuid').uuid4()}\"")],
    "callbacks.bounded": [(CONNECTOR, "take=take, answer=answer", "take=take, answer=answer, max_bytes=1 << 40")],
    "callbacks.malformed": [
        (CONNECTOR, "    secret = settings", "    json.loads(received.body)\n    secret = settings")
    ],
    "callbacks.silence": [
        (CONNECTOR, '"SIGNATURE", diagnosis', '"SIGNATURE", detail=received.body.decode("latin-1"), diagnosis')
    ],
}
"""By check, what is broken: file, text, and what stands in its place (for no text: the file's other name)."""


@pytest.fixture
def village(tmp_path, monkeypatch):
    """Makes the village an agency of the registry, with these changes to its files."""
    monkeypatch.syspath_prepend(tmp_path)
    entry = importlib.metadata.EntryPoint("village", "village", registry.ENTRY_POINTS)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [entry] if group == entry.group else [])

    def forget():
        registry._packages.cache_clear()
        registry.folder.cache_clear()
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.split(".")[0] == "village"]:
            del sys.modules[name]

    def make(changes=()):
        folder = tmp_path / "village"
        shutil.copytree(VILLAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        forget()
        _complete(folder)
        for file, old, new in changes:
            path = folder / file
            if not old:
                path.rename(folder / new)
                continue
            text = path.read_text()
            assert old in text, f"{file} no longer holds what is to be broken: {old}"
            path.write_text(text.replace(old, new))
        forget()
        if not any(file == "operations.json" for file, _, _ in changes):
            (folder / "operations.json").write_text(catalogue.written(catalogue.build("village")))

    yield make
    monkeypatch.undo()
    forget()


def _complete(folder):
    """What an agency's developer generates: the catalogue, and the recordings."""
    (folder / "operations.json").write_text(catalogue.written(catalogue.build("village")))
    with Subject("village") as subject:
        for name in subject.operations:
            recorded.record(subject, name)


def failed(family):
    with Subject("village") as subject:
        results = [run(check, subject) for check in chosen([family])]
    return {result.check.name: result.findings for result in results if not result.passed}


def test_every_check_has_a_connector_that_fails_it():
    assert BREAKS.keys() == CHECKS.keys()


def test_every_check_says_what_it_proves_why_it_matters_and_what_to_do():
    for name, check in CHECKS.items():
        assert check.name == name
        assert all(text.endswith(".") for text in (check.proves, check.matters, check.remedy))


def test_every_kind_of_fault_is_met():
    assert {ordeal.fault["kind"] for ordeal in faults.ordeals()} == faults.kinds() - {"scripted"}


def test_a_package_of_another_house_that_is_right_passes_every_check(village):
    village()

    assert {result.check.name: result.findings for result in examine("village") if not result.passed} == {}


@pytest.mark.parametrize("check", BREAKS)
def test_a_connector_with_one_thing_broken_fails_that_check_of_its_family_alone(village, check, monkeypatch):
    village(BREAKS[check])
    monkeypatch.setattr(faults, "PATIENCE", 2.5)

    assert failed(check.split(".")[0]).keys() == {check}


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ('compensate="get_resident"', "undone by a read"),
        ('compensate="order_card", compensate_with={"colour": "red"}', "has no field colour"),
        ('compensate="order_card", lasts=True', "has nothing to undo"),
    ],
)
def test_an_undoing_that_cannot_work_is_explained(village, says, told):
    village([(CONNECTOR, 'effect="write", purpose', f'effect="write", {says}, purpose')])

    ((finding,),) = failed("structural").values()
    assert told in finding.what


def test_what_an_undoing_needs_and_nobody_knows_is_found(village):
    village(
        [
            (CONNECTOR, 'effect="write", purpose', 'effect="write", compensate="order_card", purpose'),
            (CONNECTOR, "def order_card(self, query: Ask", "def order_card(self, query: Order"),
            (CONNECTOR, "class Push(", "class Order(Ask):\n    colour: str | None\n\n\nclass Push("),
        ]
    )

    assert "needs colour" in failed("structural")["structural.compensation"][0].what


def test_the_command_says_what_failed_why_and_what_to_do(village):
    village(BREAKS["structural.look_up"])
    ran = CliRunner().invoke(connector.app, ["check", "village", "--only", "structural"])

    assert ran.exit_code == 1
    for said in ("✗  structural.look_up", "issue_card: is a write", "why:", "do:", "10 of 11 checks passed"):
        assert said in ran.stdout


def test_the_command_speaks_json(village):
    village()
    ran = CliRunner().invoke(connector.app, ["check", "village", "--only", "structural.files", "--json"])
    told = json.loads(ran.stdout)

    assert (ran.exit_code, told["passed"]) == (0, True)
    assert [check["check"] for check in told["checks"]] == ["structural.files"]


@pytest.mark.parametrize("arguments", [["nobody"], ["village", "--only", "nothing"], ["village", "--request", "a={}"]])
def test_wrong_usage_is_explained(village, arguments):
    village()

    assert CliRunner().invoke(connector.app, ["check", *arguments]).exit_code == 2


def test_a_recording_is_written_anew_by_command(village):
    village(BREAKS["mapping.recorded"])

    assert CliRunner().invoke(connector.app, ["record", "village"]).exit_code == 0
    assert failed("mapping") == {}


def test_a_report_names_each_failure_once(village):
    village(BREAKS["callbacks.bounded"])
    told = report.as_json("village", list(examine("village", ["callbacks"])))

    assert [check["check"] for check in told["checks"] if not check["passed"]] == ["callbacks.bounded"]
