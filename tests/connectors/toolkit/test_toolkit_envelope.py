import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.toolkit import envelope

BOMB = """<?xml version="1.0"?>
<!DOCTYPE bomb [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<PaymentRequest><appsId>&b;</appsId></PaymentRequest></soapenv:Body></soapenv:Envelope>"""
XXE = BOMB.replace('"ha"', 'SYSTEM "file:///etc/passwd"')


def test_what_is_written_is_read():
    content = {"appsId": "1", "data": {"PaymentHeader": {"NamaWajibBayar": "A & <B>"}}, "row": ["1", {"n": "2"}, "3"]}
    assert envelope.read(envelope.write("urn:x", "PaymentRequest", content)) == ("PaymentRequest", content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("document", [BOMB, XXE])
def test_a_document_type_is_refused_in_any_encoding(document, encoding):
    body = document.replace('version="1.0"', f'version="1.0" encoding="{encoding}"').encode(encoding)
    with pytest.raises(envelope.EnvelopeError):
        envelope.read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<a/>",
        b"<html><body>busy</body></html>",
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>',
        b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><a/></e:Body></e:Envelope>',
        b" " * (envelope.MAX_BYTES + 1),
    ],
)
def test_what_is_no_soap_request_is_refused(body):
    with pytest.raises(envelope.EnvelopeError):
        envelope.read(body)


@given(st.binary(max_size=300))
def test_no_bytes_do_worse_than_being_refused(body):
    with pytest.raises(envelope.EnvelopeError):
        envelope.read(body)


def test_comments_do_not_hide_values():
    body = envelope.write("urn:x", "BillingStatus", {"TrxId": "1"}).replace(b">1<", b"><!-- x -->1<")
    assert envelope.read(body) == ("BillingStatus", {"TrxId": "1"})
