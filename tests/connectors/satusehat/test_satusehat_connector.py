import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.satusehat.connector import Satusehat
from connectors.satusehat.requests import HealthLetterQuery, PatientQuery, PractitionerQuery
from connectors.satusehat.sandbox import EXAMPLES, TOKEN_SECONDS
from connectors.toolkit import errors
from connectors.toolkit.examples import Scene

AGENCY = "satusehat"


class Clock:
    ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def server(clock):
    with sandbox_app.running([AGENCY], clock=clock) as running:
        yield running


@pytest.fixture
def sandbox(server, clock):
    clock.ahead = timedelta()
    server.app.agencies[AGENCY].reset()
    server.app.world.reset()
    return server


@pytest.fixture
def satusehat(sandbox):
    with Satusehat(sandbox.settings(AGENCY)) as connector:
        yield connector


@pytest.fixture
def family(sandbox):
    return sandbox.app.world.population.family(7)


def script(sandbox, operation, *faults):
    scripts = [{"operation": operation, "faults": list(faults)}]
    requests.post(f"{sandbox.url}/_sandbox/{AGENCY}/faults", data=json.dumps(scripts), timeout=5).raise_for_status()


def answer(content, status=200):
    return {"kind": "status", "status": status, "body": json.dumps(content), "media_type": "application/fhir+json"}


def outcome(code):
    issue = {"severity": "error", "code": code, "details": {"text": "9974014101900001 ditolak"}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def calls(sandbox, operation):
    return sandbox.app.agencies[AGENCY].calls[operation]


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("name", Satusehat.operations())
def test_every_example_is_answered_with_a_record(satusehat, sandbox, name, number):
    operation, scene = Satusehat.operations()[name], Scene(satusehat, sandbox.app.world, number)
    request = operation.request.model_validate(EXAMPLES[name](scene))
    assert operation.invoke(satusehat, request).nik == request.nik


def test_a_patient_is_the_resident_that_other_agencies_know(satusehat, family):
    patient = satusehat.find_patient(PatientQuery(nik=family.father.nik))
    assert (patient.nik, patient.name, patient.sex) == (family.father.nik, family.father.name, "male")
    assert patient.address.village_code == family.address.village_code
    assert (patient.address.rt, patient.address.rw) == (family.address.rt, family.address.rw)


def test_a_registered_death_is_known_here(satusehat, sandbox, family):
    sandbox.app.world.died(family.father)
    assert satusehat.find_patient(PatientQuery(nik=family.father.nik)).deceased is True


def test_nobody_found_is_a_rejection_although_it_comes_with_200(satusehat, family):
    for call in (
        lambda: satusehat.find_patient(PatientQuery(nik="9999999999999999")),
        lambda: satusehat.get_practitioner(PractitionerQuery(nik=family.father.nik)),
    ):
        with pytest.raises(errors.Rejected) as no:
            call()
        assert no.value.code == "NOT_FOUND"


def test_one_token_serves_many_calls(satusehat, sandbox, family):
    for _ in range(3):
        satusehat.find_patient(PatientQuery(nik=family.father.nik))
    assert (calls(sandbox, "token"), calls(sandbox, "find_patient")) == (1, 3)


def test_an_expired_token_is_fetched_anew_once(satusehat, sandbox, clock, family):
    satusehat.find_patient(PatientQuery(nik=family.father.nik))
    clock.ahead = timedelta(seconds=TOKEN_SECONDS + 1)
    satusehat.find_patient(PatientQuery(nik=family.father.nik))
    assert (calls(sandbox, "token"), calls(sandbox, "find_patient")) == (2, 3)


def test_a_token_that_the_agency_has_forgotten_is_fetched_anew(satusehat, sandbox, family):
    satusehat.find_patient(PatientQuery(nik=family.father.nik))
    script(sandbox, "find_patient", {"kind": "scripted", "name": "expired_token"})
    assert satusehat.find_patient(PatientQuery(nik=family.father.nik)).nik == family.father.nik


def test_a_new_token_that_is_refused_too_is_our_misconfiguration(satusehat, sandbox, family):
    refused = answer(outcome("login"), 401)
    script(sandbox, "find_patient", refused, refused)
    with pytest.raises(errors.Misconfigured):
        satusehat.find_patient(PatientQuery(nik=family.father.nik))
    assert (calls(sandbox, "token"), calls(sandbox, "find_patient")) == (2, 2)


def test_wrong_credentials_are_our_misconfiguration(sandbox, family):
    settings = sandbox.settings(AGENCY).model_copy(update={"client_secret": SecretStr("wrong")})
    with Satusehat(settings) as connector, pytest.raises(errors.Misconfigured) as wrong:
        connector.find_patient(PatientQuery(nik=family.father.nik))
    assert "client_id" in wrong.value.diagnosis.en


def test_too_many_calls_wait_as_long_as_the_agency_says(satusehat, sandbox, family):
    script(sandbox, "find_patient", {"kind": "scripted", "name": "quota"})
    with pytest.raises(errors.Retriable) as busy:
        satusehat.find_patient(PatientQuery(nik=family.father.nik))
    assert busy.value.retry_after == 7


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("transient", errors.Retriable),
        ("throttled", errors.Retriable),
        ("forbidden", errors.Misconfigured),
        ("invalid", errors.BadData),
        ("not-found", errors.Rejected),
        ("something-new", errors.BadData),
    ],
)
def test_an_operation_outcome_becomes_its_error_whatever_the_status_and_quotes_nothing(
    satusehat, sandbox, family, code, kind
):
    script(sandbox, "find_patient", answer(outcome(code)), answer(outcome(code), 400))
    for _ in range(2):
        with pytest.raises(kind) as error:
            satusehat.find_patient(PatientQuery(nik=family.father.nik))
        assert "9974014101900001" not in f"{error.value} {error.value.detail}"


def test_a_letter_comes_whole_whether_inside_or_apart(satusehat, sandbox):
    for number in range(30):
        father = sandbox.app.world.population.family(number).father
        letter = satusehat.get_health_letter(HealthLetterQuery(nik=father.nik))
        assert base64.b64decode(letter.content).startswith(b"%PDF")
        assert (letter.kind, letter.media_type, letter.status) == ("premarital", "application/pdf", "current")
    assert 0 < calls(sandbox, "binary") < 30


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/Binary/1",
        "//elsewhere.example/Binary/1",
        "file:///etc/passwd",
        "Binary/../Patient",
        "Patient/1",
        "",
    ],
)
def test_a_document_anywhere_else_is_not_gone_to(satusehat, sandbox, family, url):
    patient = {"resourceType": "Patient", "id": "P01"}
    resource = {
        "resourceType": "DocumentReference",
        "id": "1",
        "status": "current",
        "subject": {"reference": "Patient/P01"},
        "content": [{"attachment": {"contentType": "application/pdf", "url": url}}],
    }
    bundle = {"resourceType": "Bundle", "total": 1, "entry": [{"resource": resource}, {"resource": patient}]}
    script(sandbox, "get_health_letter", answer(bundle))
    with pytest.raises(errors.BadData) as bad:
        satusehat.get_health_letter(HealthLetterQuery(nik=family.father.nik))
    assert (bad.value.code, calls(sandbox, "binary")) == ("ELSEWHERE", 0)


def test_a_letter_about_another_patient_is_bad_data(satusehat, sandbox, family):
    patient = {"resourceType": "Patient", "id": "P01"}
    resource = {
        "resourceType": "DocumentReference",
        "id": "1",
        "status": "current",
        "subject": {"reference": "Patient/P02"},
        "content": [{"attachment": {"contentType": "application/pdf", "data": "JVBERg=="}}],
    }
    bundle = {"resourceType": "Bundle", "total": 1, "entry": [{"resource": resource}, {"resource": patient}]}
    script(sandbox, "get_health_letter", answer(bundle))
    with pytest.raises(errors.BadData) as bad:
        satusehat.get_health_letter(HealthLetterQuery(nik=family.father.nik))
    assert bad.value.code == "SOMEBODY_ELSE"


def test_nobody_has_a_letter_who_was_not_examined(satusehat, sandbox):
    families = map(sandbox.app.world.population.family, range(99))
    child = next(one.children[0] for one in families if one.children)
    with pytest.raises(errors.Rejected):
        satusehat.get_health_letter(HealthLetterQuery(nik=child.nik))
