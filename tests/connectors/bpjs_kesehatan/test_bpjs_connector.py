import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.bpjs_kesehatan import crypto, lzstring
from connectors.bpjs_kesehatan.connector import BpjsKesehatan
from connectors.bpjs_kesehatan.requests import MembershipQuery, NewbornEnrolment
from connectors.bpjs_kesehatan.sandbox import UNPAID, _resident
from connectors.toolkit import errors

AGENCY = "bpjs_kesehatan"


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies[AGENCY].reset()
    server.app.world.reset()
    return server


@contextmanager
def connected(sandbox, now=None, **changes):
    settings = sandbox.settings(AGENCY).model_copy(update=changes)
    with BpjsKesehatan(settings, now=now or (lambda: datetime.now(UTC))) as connector:
        yield connector


@pytest.fixture
def bpjs(sandbox):
    with connected(sandbox) as connector:
        yield connector


@pytest.fixture
def mother(sandbox):
    families = map(sandbox.app.world.population.family, range(1000))
    return next(family.mother for family in families if _resident(family.mother).status != UNPAID)


@pytest.fixture
def newborn(sandbox):
    family = sandbox.app.world.population.family(7)
    child = sandbox.app.world.born(family, name="Bayi Contoh", sex="female", birth_date=date(2026, 1, 5), place="X")
    return NewbornEnrolment(nik=child.nik, name=child.name, birth_date=child.birth_date, sex="female", nkk=child.nkk)


def script(sandbox, operation, *faults, **match):
    url = f"{sandbox.url}/_sandbox/{AGENCY}/faults"
    scripts = [{"operation": operation, "match": match, "faults": list(faults)}]
    requests.post(url, data=json.dumps(scripts), timeout=5).raise_for_status()


def writes(sandbox):
    return requests.get(f"{sandbox.url}/_sandbox/{AGENCY}/writes", timeout=5).json().get("enrol_newborn", {})


def answer(body, media_type="application/json", status=200):
    return {"kind": "status", "status": status, "body": body, "media_type": media_type}


def sealed(text, timestamp, sandbox):
    settings = sandbox.settings(AGENCY)
    return crypto.encrypt(text, crypto.response_key(settings.cons_id, settings.secret.get_secret_value(), timestamp))


def test_a_resident_is_a_member(bpjs, mother):
    membership = bpjs.get_membership(MembershipQuery(nik=mother.nik))
    assert (membership.nik, membership.name, membership.status) == (mother.nik, mother.name.upper(), "active")
    assert len(membership.number) == 13


def test_the_same_answer_comes_twice(bpjs, mother):
    assert bpjs.get_membership(MembershipQuery(nik=mother.nik)) == bpjs.get_membership(MembershipQuery(nik=mother.nik))


def test_unpaid_dues_are_an_answer_and_not_an_error(bpjs, sandbox):
    families = map(sandbox.app.world.population.family, range(1000))
    debtor = next(family.father for family in families if _resident(family.father).status == UNPAID)
    membership = bpjs.get_membership(MembershipQuery(nik=debtor.nik))
    assert (membership.status, membership.status_reason) == ("inactive", "NON AKTIF KARNA PREMI")


def test_a_nik_of_no_member_is_rejected_with_a_reason_for_the_citizen(bpjs):
    with pytest.raises(errors.Rejected) as no:
        bpjs.get_membership(MembershipQuery(nik="9999999999999999"))
    assert no.value.code == "NOT_FOUND"
    assert "peserta" in no.value.reason.id
    assert "9999999999999999" not in f"{no.value} {no.value.detail}"


def test_a_newborn_becomes_a_member_by_being_enrolled(bpjs, newborn, sandbox):
    with pytest.raises(errors.Rejected):
        bpjs.get_membership(MembershipQuery(nik=newborn.nik))
    enrolled = bpjs.enrol_newborn(newborn, reference="birth/1")
    assert (enrolled.nik, enrolled.status) == (newborn.nik, "active")
    assert bpjs.get_membership(MembershipQuery(nik=newborn.nik)) == enrolled
    assert writes(sandbox) == {"birth/1": 1}


def test_an_enrolment_is_found_by_our_reference_and_an_unknown_reference_is_none(bpjs, newborn):
    enrolled = bpjs.enrol_newborn(newborn, reference="birth/1 & more?")
    assert bpjs.find_newborn(newborn, reference="birth/1 & more?") == enrolled
    assert bpjs.find_newborn(newborn, reference="birth/2") is None


def test_the_agency_is_not_idempotent_and_the_count_shows_it(bpjs, newborn, sandbox):
    first, second = (bpjs.enrol_newborn(newborn, reference="birth/1") for _ in range(2))
    assert first.number != second.number
    assert writes(sandbox) == {"birth/1": 2}


def test_a_child_that_the_civil_registry_does_not_know_is_rejected(bpjs, newborn, sandbox):
    with pytest.raises(errors.Rejected) as no:
        bpjs.enrol_newborn(newborn.model_copy(update={"nik": "9999999999999999"}), reference="birth/1")
    assert no.value.code == "NIK_NOT_IN_DUKCAPIL"
    assert writes(sandbox) == {}


@pytest.mark.parametrize(
    "changes", [{"secret": SecretStr("wrong")}, {"cons_id": "1"}, {"user_key": SecretStr("wrong")}]
)
def test_wrong_credentials_are_our_misconfiguration_and_never_a_refusal_of_the_citizen(sandbox, mother, changes):
    with connected(sandbox, **changes) as connector, pytest.raises(errors.Misconfigured) as wrong:
        connector.get_membership(MembershipQuery(nik=mother.nik))
    assert wrong.value.owner == "us"
    assert "cons_id" in wrong.value.diagnosis.en


@pytest.mark.parametrize(("minutes", "words"), [(-6, "behind"), (6, "ahead of")])
def test_a_drifting_clock_is_diagnosed_as_a_clock(sandbox, mother, minutes, words):
    def drifted():
        return datetime.now(UTC) + timedelta(minutes=minutes)

    with connected(sandbox, now=drifted) as connector, pytest.raises(errors.Misconfigured) as wrong:
        connector.get_membership(MembershipQuery(nik=mother.nik))
    assert wrong.value.code == "CLOCK"
    assert "clock" in wrong.value.diagnosis.en
    assert "jam" in wrong.value.diagnosis.id
    assert words in wrong.value.detail


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_few_minutes_of_drift_are_borne(sandbox, mother, minutes):
    with connected(sandbox, now=lambda: datetime.now(UTC) + timedelta(minutes=minutes)) as connector:
        assert connector.get_membership(MembershipQuery(nik=mother.nik)).nik == mother.nik


@pytest.mark.parametrize("body", ["", "<!DOCTYPE html><html><body>Sedang pemeliharaan</body></html>"])
def test_a_web_page_or_nothing_instead_of_an_answer_is_asked_again(bpjs, sandbox, mother, body):
    script(sandbox, "get_membership", answer(body, "text/html"))
    with pytest.raises(errors.Retriable):
        bpjs.get_membership(MembershipQuery(nik=mother.nik))
    assert bpjs.get_membership(MembershipQuery(nik=mother.nik)).nik == mother.nik


def test_a_plain_401_without_json_is_still_about_credentials(bpjs, sandbox, mother):
    script(sandbox, "get_membership", answer("Unauthorized", "text/plain", 401))
    with pytest.raises(errors.Misconfigured):
        bpjs.get_membership(MembershipQuery(nik=mother.nik))


def test_an_error_with_a_null_response_is_read_whatever_the_status_says(bpjs, sandbox, mother):
    body = '{"metadata": {"code": 201, "message": "Peserta Tidak Ditemukan"}, "response": null}'
    script(sandbox, "get_membership", answer(body), answer(body, status=404))
    for _ in range(2):
        with pytest.raises(errors.Rejected):
            bpjs.get_membership(MembershipQuery(nik=mother.nik))


def test_an_answer_that_is_not_encrypted_is_read(bpjs, sandbox, mother):
    member = {"noKartu": "0009900000001", "nik": mother.nik, "nama": "X", "statusPeserta": {"kode": "0"}}
    body = {"metaData": {"code": 200, "message": "OK"}, "response": {"peserta": member}}
    script(sandbox, "get_membership", answer(json.dumps(body)))
    assert bpjs.get_membership(MembershipQuery(nik=mother.nik)).number == "0009900000001"


def test_an_answer_about_somebody_else_is_bad_data(bpjs, sandbox, mother):
    member = {"noKartu": "0009900000001", "nik": "9974014101900001", "nama": "X", "statusPeserta": {"kode": "0"}}
    body = {"metaData": {"code": "200"}, "response": {"peserta": member}}
    script(sandbox, "get_membership", answer(json.dumps(body)))
    with pytest.raises(errors.BadData) as bad:
        bpjs.get_membership(MembershipQuery(nik=mother.nik))
    assert bad.value.code == "SOMEBODY_ELSE"


@pytest.mark.parametrize("response", [None, "", "not base64!", "AAAAAAAAAAAAAAAAAAAAAA==", 7, []])
def test_a_response_that_cannot_be_opened_is_bad_data(bpjs, sandbox, mother, response):
    script(sandbox, "get_membership", answer(json.dumps({"metaData": {"code": "200"}, "response": response})))
    with pytest.raises(errors.BadData):
        bpjs.get_membership(MembershipQuery(nik=mother.nik))


def test_a_decompression_bomb_is_refused(sandbox, mother):
    now = datetime.now(UTC)
    bomb = sealed(lzstring.compress(" " * 300_000), str(int(now.timestamp())), sandbox)
    assert len(bomb) < 20_000
    script(sandbox, "get_membership", answer(json.dumps({"metaData": {"code": "200"}, "response": bomb})))
    with (
        connected(sandbox, now=lambda: now, max_decompressed_characters=200_000) as connector,
        pytest.raises(errors.BadData) as bad,
    ):
        connector.get_membership(MembershipQuery(nik=mother.nik))
    assert bad.value.code == "TOO_LARGE"


def test_an_answer_that_is_too_large_as_it_comes_is_refused(sandbox, mother):
    script(sandbox, "get_membership", answer("{" + " " * 100_000 + "}"))
    with connected(sandbox, max_response_bytes=50_000) as connector, pytest.raises(errors.AgencyError) as large:
        connector.get_membership(MembershipQuery(nik=mother.nik))
    assert not isinstance(large.value, errors.Rejected)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "after_write": True},
        {"kind": "drop", "after_write": True},
        {"kind": "timeout", "seconds": 3, "after_write": True},
        {"kind": "status", "status": 200, "body": "<html></html>", "after_write": True},
        {
            "kind": "status",
            "status": 200,
            "body": '{"metaData": {"code": "200"}, "response": null}',
            "after_write": True,
        },
        {"kind": "status", "status": 200, "body": '{"metaData": {"code": "500", "message": ""}, "response": null}'},
        {"kind": "drop"},
    ],
)
def test_an_enrolment_without_a_good_answer_is_in_doubt_and_looked_up_not_repeated(sandbox, newborn, fault):
    script(sandbox, "enrol_newborn", fault, nik=newborn.nik)
    with connected(sandbox, call_deadline=1.0) as connector:
        with pytest.raises(errors.InDoubt):
            connector.enrol_newborn(newborn, reference="birth/1")
        found = connector.find_newborn(newborn, reference="birth/1")
    assert (found is not None) == bool(fault.get("after_write"))
    assert writes(sandbox) == ({"birth/1": 1} if fault.get("after_write") else {})


def test_a_fault_for_one_child_leaves_another_alone(bpjs, newborn, sandbox):
    script(sandbox, "enrol_newborn", {"kind": "drop"}, nik="9974014101900001")
    assert bpjs.enrol_newborn(newborn, reference="birth/1").nik == newborn.nik


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "drop"}, {"kind": "timeout", "seconds": 3}]
)
def test_reading_through_trouble_is_retriable(sandbox, mother, fault):
    script(sandbox, "get_membership", fault)
    with connected(sandbox, call_deadline=1.0) as connector:
        with pytest.raises(errors.Retriable):
            connector.get_membership(MembershipQuery(nik=mother.nik))
        assert connector.get_membership(MembershipQuery(nik=mother.nik)).nik == mother.nik


def test_a_look_up_that_the_agency_refuses_leaves_the_write_in_doubt(bpjs, newborn, sandbox):
    body = '{"metaData": {"code": "201", "message": "Layanan sedang dibatasi"}, "response": null}'
    script(sandbox, "find_newborn", answer(body))
    with pytest.raises(errors.BadData):
        bpjs.find_newborn(newborn, reference="birth/1")


def test_a_write_under_another_label_than_the_agencys_is_refused(sandbox, newborn):
    settings = sandbox.settings(AGENCY)
    timestamp = str(int(datetime.now(UTC).timestamp()))
    headers = {
        "X-cons-id": settings.cons_id,
        "X-timestamp": timestamp,
        "X-signature": crypto.signature(settings.cons_id, settings.secret.get_secret_value(), timestamp),
        "user_key": settings.user_key.get_secret_value(),
    }
    reply = requests.post(f"{settings.base_url}/Peserta/bayi/insert", json={}, headers=headers, timeout=5)
    assert (reply.status_code, reply.json()["metaData"]["code"], reply.json()["response"]) == (200, "400", None)


def test_every_operation_says_what_it_does_and_on_what_contract():
    operations = BpjsKesehatan.operations()
    assert {name: (o.effect, o.contract, o.reconcile) for name, o in operations.items()} == {
        "get_membership": ("read", "C", None),
        "enrol_newborn": ("write", "G", "find_newborn"),
        "change_data": ("write", "G", "find_change"),
        "stop_membership": ("write", "G", "find_stop"),
        "get_queue": ("read", "C", None),
    }
