import json

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.bpjs_ketenagakerjaan import mapping, verdicts, wire
from connectors.bpjs_ketenagakerjaan.connector import BpjsKetenagakerjaan
from connectors.bpjs_ketenagakerjaan.requests import (
    DeathClaimRequest,
    EmployerRegistration,
    EmploymentMembershipQuery,
    WorkerRegistration,
)
from connectors.bpjs_ketenagakerjaan.sandbox import EXAMPLES
from connectors.toolkit import errors
from connectors.toolkit.examples import Scene

AGENCY = "bpjs_ketenagakerjaan"


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture(scope="module")
def connected(server):
    with BpjsKetenagakerjaan(server.settings(AGENCY)) as connector:
        yield connector


@pytest.fixture
def sandbox(server):
    server.app.agencies[AGENCY].reset()
    server.app.world.reset()
    return server


@pytest.fixture
def bpjs(sandbox, connected):
    return connected


@pytest.fixture
def scene(bpjs, sandbox):
    return Scene(bpjs, sandbox.app.world, 3)


@pytest.mark.parametrize("name", BpjsKetenagakerjaan.operations())
def test_every_example_is_answered_with_a_record_and_every_write_found_again(bpjs, sandbox, scene, name):
    operation = BpjsKetenagakerjaan.operations()[name]
    request = operation.request.model_validate(EXAMPLES[name](scene))
    reference = None if operation.effect == "read" else "REF/1 & more?"
    record = operation.invoke(bpjs, request, reference)
    if reference:
        assert operation.look_up(bpjs, request, reference) == record
        assert operation.look_up(bpjs, request, "REF/2") is None
        assert sandbox.app.agencies[AGENCY].writes[name][reference] == 1


def test_a_business_needs_its_own_npwp(bpjs, scene):
    request = EmployerRegistration.model_validate({**EXAMPLES["register_employer"](scene), "npwp": "990000000999001"})
    with pytest.raises(errors.Rejected) as no:
        bpjs.register_employer(request, reference="REF/1")
    assert no.value.code == "11"


def test_a_worker_needs_a_registered_employer_and_is_a_member_then(bpjs, scene):
    request = WorkerRegistration.model_validate(EXAMPLES["register_worker"](scene))
    with pytest.raises(errors.Rejected) as no:
        bpjs.register_worker(request.model_copy(update={"employer_number": "990099999"}), reference="REF/1")
    assert no.value.code == "12"
    member = bpjs.register_worker(request, reference="REF/1")
    assert (member.status, member.programmes, member.wage) == ("active", ["JKK", "JKM", "JHT", "JP"], request.wage)
    assert bpjs.get_membership(EmploymentMembershipQuery(nik=request.nik)).number == member.number


def test_a_claim_needs_a_registered_death(bpjs, sandbox, scene):
    father, mother = scene.family.father, scene.family.mother
    changes = {"nik": father.nik, "heir_nik": mother.nik, "heir_name": mother.name}
    request = DeathClaimRequest.model_validate({**EXAMPLES["file_death_claim"](scene), **changes})
    with pytest.raises(errors.Rejected) as no:
        bpjs.file_death_claim(request, reference="REF/1")
    assert no.value.code == "14"
    sandbox.app.world.died(father)
    claim = bpjs.file_death_claim(request, reference="REF/1")
    assert (claim.nik, claim.heir_nik, claim.amount) == (father.nik, mother.nik, 42_000_000)
    assert bpjs.get_membership(EmploymentMembershipQuery(nik=father.nik)).status == "inactive"


@pytest.mark.parametrize("changes", [{"password": SecretStr("wrong")}, {"user_id": "x"}, {"branch_code": "A00"}])
def test_a_wrong_account_is_our_misconfiguration(sandbox, scene, changes):
    settings = sandbox.settings(AGENCY).model_copy(update=changes)
    with BpjsKetenagakerjaan(settings) as connector, pytest.raises(errors.Misconfigured):
        connector.get_membership(EmploymentMembershipQuery(nik=scene.family.father.nik))


def test_a_claim_without_an_answer_is_in_doubt_and_looked_up_not_repeated(bpjs, sandbox, scene):
    request = DeathClaimRequest.model_validate(EXAMPLES["file_death_claim"](scene))
    scripts = [{"operation": "file_death_claim", "faults": [{"kind": "drop", "after_write": True}]}]
    requests.post(f"{sandbox.url}/_sandbox/{AGENCY}/faults", data=json.dumps(scripts), timeout=5).raise_for_status()
    with pytest.raises(errors.InDoubt):
        bpjs.file_death_claim(request, reference="REF/1")
    assert bpjs.find_death_claim(request, reference="REF/1").nik == request.nik
    assert sandbox.app.agencies[AGENCY].writes["file_death_claim"] == {"REF/1": 1}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, errors.Rejected) for code in verdicts.REASONS),
        ("01", errors.Misconfigured),
        ("08", errors.Misconfigured),
        ("30", errors.BadData),
        ("99", errors.Retriable),
        ("77", errors.BadData),
    ],
)
def test_every_code_becomes_its_error(code, kind):
    assert type(verdicts.verdict(code)) is kind


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "Peserta"),
        ({"Peserta": {"NIK": "9974014101900002", "KPJ": "1", "StatusPeserta": "AKTIF"}}, "NIK"),
        ({"Peserta": {"NIK": "9974014101900001", "StatusPeserta": "AKTIF"}}, "KPJ"),
        ({"Peserta": {"NIK": "9974014101900001", "KPJ": "1"}}, "StatusPeserta"),
    ],
)
def test_an_answer_that_lacks_its_membership_is_bad_data_that_names_the_field(content, field):
    with pytest.raises(errors.BadData) as bad:
        mapping.membership(wire.Answer.model_validate({"KodeRespon": "00", **content}), "9974014101900001")
    assert bad.value.field == field
