import base64
import json

import pytest
from pydantic import SecretStr, ValidationError

from connectors import sandbox_app
from connectors.bsre import mapping, sandbox
from connectors.bsre.connector import Bsre
from connectors.bsre.requests import DownloadRequest, SignatureQuery, SignerQuery, SignRequest
from connectors.toolkit import errors, paper
from connectors.toolkit.population import Population

HEAD, _ = sandbox.signers(Population())[sandbox.HEAD]
PDF = base64.b64encode(paper.pdf("Surat contoh")).decode()
ASKED = SignRequest(content=PDF, signer=sandbox.HEAD, reason="Persetujuan")


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running(["bsre"]) as running:
        yield running


@pytest.fixture
def bsre(server):
    server.app.agencies["bsre"].reset()
    with Bsre(server.settings("bsre")) as connector:
        yield connector


def test_a_pdf_is_signed_and_its_signature_is_valid(bsre):
    signed = bsre.sign_pdf(ASKED, reference="R-1")
    check = bsre.verify(SignatureQuery(content=signed.content))

    assert (signed.signer, signed.reference, len(signed.document_id)) == (sandbox.HEAD, "R-1", 32)
    assert (check.valid, check.count, check.signatures[0].reason) == (True, 1, "Persetujuan [ref R-1]")
    assert not bsre.verify(SignatureQuery(content=PDF)).valid


def test_a_lost_signature_is_made_again_without_anybody_looking_into_it(server, bsre):
    fault = {"operation": "sign_pdf", "faults": [{"kind": "drop", "after_write": True}]}
    sandbox_app.script(server.app, {"bsre": [fault]})

    with pytest.raises(errors.Retriable):
        bsre.sign_pdf(ASKED, reference="R-1")
    assert bsre.sign_pdf(ASKED, reference="R-1").content


def test_a_signed_document_is_given_out_once(bsre):
    signed = bsre.sign_pdf(ASKED, reference="R-1")
    wanted = DownloadRequest(document_id=signed.document_id)

    assert bsre.download_signed(wanted, reference="R-2").content == signed.content
    with pytest.raises(errors.Rejected) as caught:
        bsre.download_signed(wanted, reference="R-2")
    assert caught.value.code == "DOWNLOADED"


def test_who_is_not_registered_or_expired_may_not_sign(bsre):
    stranger = Population().family(3).father.nik

    assert bsre.user_status(SignerQuery(nik=HEAD)).may_sign
    assert bsre.user_status(SignerQuery(nik=stranger)).status == "NOT_REGISTERED"
    for signer, code in ((sandbox.EXPIRED, "EXPIRED"), ("nobody", "SIGNER")):
        with pytest.raises(errors.Misconfigured) as caught:
            bsre.sign_pdf(ASKED.model_copy(update={"signer": signer}), reference="R-1")
        assert caught.value.code == code


def test_a_wrong_passphrase_stops_the_connector_and_is_not_shown(server):
    known = SecretStr(json.dumps({sandbox.HEAD: {"nik": HEAD, "passphrase": "a-wrong-one"}}))
    wrong = server.settings("bsre").model_copy(update={"signers": known})
    with Bsre(wrong) as connector, pytest.raises(errors.Misconfigured) as caught:
        connector.sign_pdf(ASKED, reference="R-1")

    assert caught.value.code == "2031"
    assert "a-wrong-one" not in f"{caught.value!r} {wrong!r}"


@pytest.mark.parametrize("signers", ["", "[]", "{", '{"x": {"nik": "1", "passphrase": "secret-one"}}'])
def test_signers_that_cannot_be_read_are_no_setting(server, signers):
    made = server.settings("bsre").model_dump() | {"signers": signers}
    with pytest.raises(ValidationError) as caught:
        type(server.settings("bsre"))(**made)
    assert "secret-one" not in str(caught.value)


def test_what_is_no_pdf_or_too_large_is_not_sent():
    for content in ("x", base64.b64encode(b"<html>").decode(), PDF + "A" * 700_000):
        with pytest.raises(ValidationError):
            SignRequest(content=content, signer="x")


@pytest.mark.parametrize("detail", [{}, {"info_signer": None}, {"signature_document": {"document_integrity": "yes"}}])
def test_a_signature_of_which_too_little_is_said_is_not_valid(detail):
    assert not mapping.check({"jumlah_signature": 1, "details": [detail], "summary": "Dokumen valid"}).valid
