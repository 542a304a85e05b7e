import json
from datetime import date

import pytest
import requests
from pydantic import ValidationError

from connectors import sandbox_app
from connectors.bpjs_kesehatan.connector import BpjsKesehatan
from connectors.bpjs_kesehatan.requests import MembershipChange, MembershipQuery, MembershipStop, QueueQuery
from connectors.bpjs_kesehatan.sandbox import EXAMPLES
from connectors.toolkit import errors
from connectors.toolkit.examples import Scene

AGENCY = "bpjs_kesehatan"
DAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies[AGENCY].reset()
    server.app.world.reset()
    return server


@pytest.fixture
def bpjs(sandbox):
    with BpjsKesehatan(sandbox.settings(AGENCY)) as connector:
        yield connector


@pytest.fixture
def member(sandbox):
    return sandbox.app.world.population.family(7).mother


def script(sandbox, *faults):
    url = f"{sandbox.url}/_sandbox/{AGENCY}/faults"
    requests.post(url, data=json.dumps([{"faults": list(faults)}]), timeout=5).raise_for_status()


@pytest.mark.parametrize("name", BpjsKesehatan.operations())
def test_every_example_is_answered_with_a_record_and_every_write_found_again(bpjs, sandbox, name):
    operation, scene = BpjsKesehatan.operations()[name], Scene(bpjs, sandbox.app.world, 3)
    request = operation.request.model_validate(EXAMPLES[name](scene))
    reference = None if operation.effect == "read" else "REF/1"
    record = operation.invoke(bpjs, request, reference)
    if reference:
        assert operation.look_up(bpjs, request, reference) == record
        assert operation.look_up(bpjs, request, "REF/2") is None
        assert sandbox.app.agencies[AGENCY].writes[name] == {reference: 1}


def test_changed_data_show_in_the_membership_and_the_rest_stays(bpjs, member):
    before = bpjs.get_membership(MembershipQuery(nik=member.nik))
    changed = bpjs.change_data(MembershipChange(nik=member.nik, facility="99010001"), reference="move/1")
    assert changed == before.model_copy(update={"facility": "FASKES 99010001"})
    assert bpjs.get_membership(MembershipQuery(nik=member.nik)) == changed


def test_a_change_of_nothing_is_no_request(member):
    with pytest.raises(ValidationError, match="at least one thing"):
        MembershipChange(nik=member.nik)


def test_a_death_must_be_registered_before_the_membership_ends_by_it(bpjs, sandbox, member):
    stop = MembershipStop(nik=member.nik, reason="death", on=DAY)
    with pytest.raises(errors.Rejected) as no:
        bpjs.stop_membership(stop, reference="death/1")
    assert no.value.code == "NOT_DECEASED"
    sandbox.app.world.died(member)
    assert bpjs.stop_membership(stop, reference="death/1").status == "inactive"
    with pytest.raises(errors.Rejected) as no:
        bpjs.change_data(MembershipChange(nik=member.nik, care_class="1"), reference="move/1")
    assert no.value.code == "DECEASED"


def test_a_registered_death_makes_a_membership_inactive_by_itself(bpjs, sandbox, member):
    sandbox.app.world.died(member)
    membership = bpjs.get_membership(MembershipQuery(nik=member.nik))
    assert (membership.status, membership.status_reason) == ("inactive", "NON AKTIF MENINGGAL")


@pytest.mark.parametrize("index", [4, 5])
def test_a_place_in_a_queue_is_read_whether_encrypted_or_not(bpjs, sandbox, index):
    ticket = bpjs.get_queue(QueueQuery(booking_code=f"99{index:08d}"))
    assert (ticket.number, ticket.nik) == (f"A-{index + 1}", sandbox.app.world.population.family(index).father.nik)
    assert (ticket.expected_at.minute, ticket.expected_at.utcoffset().total_seconds()) == (index, 0)


def test_a_booking_code_of_nobody_is_rejected(bpjs):
    with pytest.raises(errors.Rejected) as no:
        bpjs.get_queue(QueueQuery(booking_code="9999999999"))
    assert no.value.code == "NO_BOOKING"


def test_each_service_wants_its_own_user_key(bpjs, sandbox, member):
    settings = sandbox.settings(AGENCY)
    with BpjsKesehatan(settings.model_copy(update={"antrean_user_key": settings.user_key})) as other:
        assert other.get_membership(MembershipQuery(nik=member.nik))
        with pytest.raises(errors.Misconfigured):
            other.get_queue(QueueQuery(booking_code="9900000004"))


def test_without_the_antrean_service_its_settings_are_named_and_nothing_is_sent(sandbox):
    settings = sandbox.settings(AGENCY).model_copy(update={"antrean_url": None, "antrean_user_key": None})
    with BpjsKesehatan(settings) as connector, pytest.raises(errors.Misconfigured) as missing:
        connector.get_queue(QueueQuery(booking_code="9900000004"))
    assert "SIMPUL_BPJS_KESEHATAN_ANTREAN_USER_KEY" in missing.value.detail
    assert not sandbox.app.agencies[AGENCY].calls


@pytest.mark.parametrize("address", ["http://elsewhere.example/antreanrs", "https://user@elsewhere.example/antreanrs"])
def test_an_unsafe_address_of_the_antrean_service_is_refused(sandbox, address):
    with pytest.raises(ValidationError):
        type(sandbox.settings(AGENCY)).model_validate({**sandbox.settings(AGENCY).model_dump(), "antrean_url": address})


def test_a_field_that_is_missing_below_the_encryption_is_bad_data(bpjs, sandbox, member):
    script(sandbox, {"kind": "drift", "change": "missing", "field": "peserta.noKartu"})
    with pytest.raises(errors.BadData) as bad:
        bpjs.get_membership(MembershipQuery(nik=member.nik))
    assert bad.value.field == "peserta.noKartu"


def test_a_failure_of_the_agencys_own_in_200_is_asked_again(bpjs, sandbox, member):
    script(sandbox, {"kind": "scripted", "name": "error_in_200"})
    with pytest.raises(errors.Retriable):
        bpjs.get_membership(MembershipQuery(nik=member.nik))
