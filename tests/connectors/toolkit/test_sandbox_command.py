import csv
import io
import json
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from connectors import registry, sandbox_app
from connectors.bpjs_kesehatan.requests import MembershipQuery
from connectors.dukcapil.requests import PersonQuery
from connectors.toolkit import holdings
from connectors.toolkit.fault_scripts import load
from connectors.toolkit.people import residents
from connectors.toolkit.population import SandboxWorld
from simpul.cli import app

SCRIPTS = sorted((Path(__file__).parents[3] / "deploy/sandbox").glob("*.toml"))


@pytest.fixture
def sandbox():
    with sandbox_app.running(["dukcapil", "bpjs_kesehatan"]) as running:
        yield running


def simpul(*arguments):
    return CliRunner(env={"COLUMNS": "250"}).invoke(app, ["sandbox", *map(str, arguments)])


def status(sandbox):
    return requests.post(f"{sandbox.settings('dukcapil').base_url}/CALL_NIK", json={}, timeout=10).status_code


def test_there_are_scripts_to_begin_with_and_all_agencies_can_follow_them():
    application = sandbox_app.app()
    assert {path.stem for path in SCRIPTS} == {"outage", "flaky", "slow", "drift", "token-expiry"}
    for path in SCRIPTS:
        sandbox_app.script(application, load(path), path.name)


def test_a_script_is_followed_while_the_sandbox_runs_until_it_is_cleared(sandbox, tmp_path):
    script = tmp_path / "mine.toml"
    script.write_text(
        '[[dukcapil]]\nfaults = [{ kind = "status", status = 502 }]\n'
        '[["*"]]\nforever = true\nfaults = [{ kind = "status" }]\n[[djp]]\nfaults = [{ kind = "drop" }]\n'
    )
    done = simpul("fault", "dukcapil", "--script", script, "--url", sandbox.url)
    assert (done.exit_code, done.stdout) == (0, "dukcapil: 2 entries scripted\n")
    assert [status(sandbox) for _ in range(3)] == [502, 503, 503]
    done = simpul("fault", "dukcapil", "--clear", "--url", sandbox.url)
    assert (done.exit_code, done.stdout) == (0, "dukcapil: behaves\n")
    assert status(sandbox) == 200


@pytest.mark.parametrize(
    ("text", "agency", "said"),
    [
        ("[[dukcapil]]\nfaults = 3", "dukcapil", "mine.toml: dukcapil, entry 1, faults: Input should be a valid list"),
        ("[[dukcapil]", "dukcapil", "mine.toml: Expected"),
        ("[[dukcapil]]\nfaults = [{kind = 'drop'}]", "bpjs_kesehatan", "mine.toml: says nothing of bpjs_kesehatan"),
        ("[[djp]]\nfaults = [{kind = 'drop'}]", "djp", "this sandbox does not serve the agency"),
        (
            "[[dukcapil]]\nfaults = [{kind = 'scripted', name = 'rain'}]",
            "dukcapil",
            "mine.toml: dukcapil, entry 1, fault 1, name: no such fault at this agency",
        ),
    ],
)
def test_a_script_that_cannot_be_followed_is_told_by_file_and_place(sandbox, tmp_path, text, agency, said):
    script = tmp_path / "mine.toml"
    script.write_text(text)
    done = simpul("fault", agency, "--script", script, "--url", sandbox.url)
    assert done.exit_code == 2
    assert said in done.stderr
    assert status(sandbox) == 200


def test_a_sandbox_that_is_not_there_and_a_missing_option_are_told():
    assert (
        "no sandbox answers at http://127.0.0.1:9"
        in simpul("fault", "dukcapil", "--clear", "--url", "http://127.0.0.1:9").stderr
    )
    assert "--script FILE, or --clear" in simpul("fault", "dukcapil").stderr


def test_people_are_listed_as_a_table_and_as_json():
    table = list(csv.DictReader(io.StringIO(simpul("people", "--number", 50).stdout)))
    rows = json.loads(simpul("people", "--number", 50, "--format", "json").stdout)
    assert len(table) == len(rows) == 50
    assert [{name: value or "" for name, value in row.items()} for row in rows] == table


def test_ten_thousand_residents_have_numbers_that_are_theirs_alone_and_lead_back_to_them():
    world = SandboxWorld()
    people = residents(world, 10_000)
    for name in ("nik", "bpjs", "nop", "certificate", "nib", "firm_npwp", "nip", "electricity", "water", "npwp"):
        numbers = [number for person in people if (number := getattr(person, name)) is not None]
        assert numbers
        assert len(set(numbers)) == len(numbers), name
    for person in people[:300]:
        assert world.person(person.nik).nkk == person.nkk
        assert holdings.person_by_npwp(world, person.npwp).nik == person.nik
        if person.role == "father":
            assert holdings.parcel_by_nop(world, person.nop).owner.nik == person.nik
            assert holdings.parcel_by_certificate(world, person.certificate).nop == person.nop
            assert holdings.meter_by_number(world.population, person.electricity).holder.nik == person.nik
        if person.nib is not None:
            assert holdings.business_by_nib(world.population, person.nib).npwp == person.firm_npwp
        if person.nip is not None:
            assert holdings.civil_servant_by_nik(world.population, person.nik).nip == person.nip


def test_the_same_people_are_known_to_all_agencies(sandbox):
    with (
        registry.connect("dukcapil", sandbox.settings("dukcapil")) as dukcapil,
        registry.connect("bpjs_kesehatan", sandbox.settings("bpjs_kesehatan")) as bpjs,
    ):
        for listed in residents(SandboxWorld(), 20):
            person = dukcapil.get_person(PersonQuery(nik=listed.nik))
            member = bpjs.get_membership(MembershipQuery(nik=listed.nik))
            assert (person.nkk, person.birth_date.isoformat()) == (listed.nkk, listed.birth_date)
            assert member.number == listed.bpjs
