import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.imigrasi.connector import Imigrasi
from connectors.imigrasi.requests import (
    BiometricsRequest,
    CancelRequest,
    IssueRequest,
    PassportQuery,
    PassportRequest,
)
from connectors.toolkit import errors, made_keys
from connectors.toolkit.population import Population

AGENCY = "imigrasi"
PERSON = Population().family(1).mother
REQUEST = PassportRequest(nik=PERSON.nik, name=PERSON.name, book="10 years")


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies[AGENCY].reset()
    return server


@contextmanager
def connected(sandbox, **changes):
    with Imigrasi(sandbox.settings(AGENCY).model_copy(update=changes)) as connector:
        yield connector


@pytest.fixture
def imigrasi(sandbox):
    with connected(sandbox) as connector:
        yield connector


def control(sandbox, name, body):
    requests.post(f"{sandbox.url}/_sandbox/{AGENCY}/{name}", json=body, timeout=10).raise_for_status()


def paid(number, **more):
    return BiometricsRequest(number=number, ntpn="EXAMPLE000000001", **more)


@pytest.fixture
def envelope(imigrasi, monkeypatch):
    """An envelope that was sent, as it was."""
    sent = []
    send = Imigrasi.send
    monkeypatch.setattr(Imigrasi, "send", lambda self, *call: (sent.append(call[1]), send(self, *call))[1])
    imigrasi.open_application(REQUEST, reference="passport/1")
    return sent[0] if isinstance(sent[0], bytes) else sent[0].encode()


def posted(sandbox, body):
    reply = requests.post(sandbox.settings(AGENCY).base_url, data=body, timeout=5)
    found = re.search("<faultcode>(.*)</faultcode>", reply.text)
    return found[1] if found else None


def test_lxml_and_xmlsec_are_built_on_the_same_libxml2():
    import xmlsec
    from lxml import etree

    assert xmlsec.get_libxml_version() == etree.LIBXML_VERSION


def test_a_passport_goes_from_application_to_book(imigrasi):
    opened = imigrasi.open_application(REQUEST, reference="passport/1")
    assert (opened.status, opened.nik, opened.book) == ("opened", PERSON.nik, "10 years")
    assert opened.pay_before > datetime.now(UTC) + timedelta(minutes=119)
    appointment = imigrasi.book_biometrics(paid(opened.number), reference="passport/2")
    assert appointment.expires_at - appointment.at == timedelta(days=30)
    assert imigrasi.get_status(PassportQuery(number=opened.number)).status == "biometrics taken"
    book = imigrasi.issue_passport(IssueRequest(number=opened.number), reference="passport/3")
    assert (book.name, book.nik, book.application_number) == (PERSON.name, PERSON.nik, opened.number)
    assert imigrasi.find_passport(IssueRequest(number=opened.number), reference="passport/3") == book
    assert imigrasi.find_appointment(paid(opened.number), reference="passport/2") == appointment
    assert imigrasi.find_application(REQUEST, reference="passport/9") is None


def test_nothing_is_issued_before_biometrics_were_taken(imigrasi, sandbox):
    control(sandbox, "biometrics", {"at_once": False})
    number = imigrasi.open_application(REQUEST, reference="passport/1").number
    imigrasi.book_biometrics(paid(number), reference="passport/2")
    with pytest.raises(errors.Rejected) as early:
        imigrasi.issue_passport(IssueRequest(number=number), reference="passport/3")
    assert early.value.code == "23"
    control(sandbox, "biometrics", {"number": number})
    assert imigrasi.issue_passport(IssueRequest(number=number), reference="passport/3").application_number == number


def test_unpaid_for_two_hours_an_application_lapses_but_not_one_that_was_paid_in_time(imigrasi, sandbox):
    number = imigrasi.open_application(REQUEST, reference="passport/1").number
    control(sandbox, "clock", {"offset_seconds": 7260})
    assert imigrasi.get_status(PassportQuery(number=number)).status == "lapsed"
    with pytest.raises(errors.Rejected) as late:
        imigrasi.book_biometrics(paid(number), reference="passport/2")
    assert late.value.code == "21"
    assert imigrasi.book_biometrics(paid(number, paid_at=datetime.now(UTC)), reference="passport/2")


def test_a_cancelled_application_makes_room_for_another(imigrasi):
    number = imigrasi.open_application(REQUEST, reference="passport/1").number
    with pytest.raises(errors.Rejected):
        imigrasi.open_application(REQUEST, reference="passport/2")
    assert imigrasi.cancel_application(CancelRequest(number=number), reference="passport/3").status == "cancelled"
    assert imigrasi.open_application(REQUEST, reference="passport/4").number != number


def test_a_write_in_doubt_is_found_by_our_reference(imigrasi, sandbox):
    fault = {"operation": "open_application", "faults": [{"kind": "drop", "after_write": True}]}
    control(sandbox, "faults", [fault])
    with pytest.raises(errors.InDoubt):
        imigrasi.open_application(REQUEST, reference="passport/1")
    assert imigrasi.find_application(REQUEST, reference="passport/1").nik == PERSON.nik


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": SecretStr("wrong-password")}, "FailedAuthentication"),
        ({"username": "somebody"}, "FailedAuthentication"),
        (
            {
                "signing_key": SecretStr(made_keys.private_pem("somebody else")),
                "certificate": made_keys.certificate_pem("somebody else"),
            },
            "FailedCheck",
        ),
    ],
)
def test_an_identity_that_is_refused_is_our_misconfiguration(sandbox, changes, code):
    with connected(sandbox, **changes) as connector, pytest.raises(errors.Misconfigured) as refused:
        connector.open_application(REQUEST, reference="passport/1")
    assert refused.value.code == code
    assert "wrong-password" not in f"{refused.value} {refused.value.detail}"
    assert sandbox.app.agencies[AGENCY].writes == {}


def test_each_envelope_has_a_nonce_of_its_own_and_never_the_password(envelope, sandbox):
    assert b"sandbox-password" not in envelope
    assert b"PasswordDigest" in envelope
    assert b"Timestamp" not in envelope
    assert b"rsa-sha256" in envelope
    assert posted(sandbox, envelope) == "wsse:FailedAuthentication"


def test_a_body_that_was_changed_on_the_way_is_refused(envelope, sandbox):
    sandbox.app.agencies[AGENCY].reset()
    assert posted(sandbox, envelope.replace(b"E10", b"E5")) == "wsse:FailedCheck"


def test_a_signed_body_beside_the_one_that_is_read_is_refused(envelope, sandbox):
    sandbox.app.agencies[AGENCY].reset()
    found = re.search(rb"<(soap-env):Body .*</soap-env:Body>", envelope, re.DOTALL)
    moved = b"<x>" + found[0] + b"</x></soap-env:Header>"
    wrapped = envelope.replace(found[0], found[0].replace(b"E10", b"E5")).replace(b"</soap-env:Header>", moved)
    assert posted(sandbox, wrapped) == "wsse:FailedCheck"


@pytest.mark.parametrize("part", ["Signature", "UsernameToken", "Security"])
def test_an_envelope_without_its_security_is_refused(envelope, sandbox, part):
    sandbox.app.agencies[AGENCY].reset()
    without = re.sub(rf"<([\w-]+:)?{part}[ >].*</([\w-]+:)?{part}>".encode(), b"", envelope, flags=re.DOTALL)
    assert without != envelope
    assert posted(sandbox, without) == "wsse:InvalidSecurity"
