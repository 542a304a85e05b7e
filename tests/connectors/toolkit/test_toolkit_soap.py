import contextlib
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from misbehaving import Ask, ExampleSettings, Server, answering, dripping, http

from connectors.toolkit import SoapConnector, errors, operation
from schemas.civil import ChildCard

WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
  {more}
  <types><x:schema targetNamespace="urn:t" elementFormDefault="qualified">{schema}
    <x:element name="Print"><x:complexType><x:sequence><x:element name="Nik" type="x:string"/></x:sequence>
    </x:complexType></x:element>
    <x:element name="Printed"><x:complexType><x:sequence><x:element name="Card" type="x:string"/>
      <x:element name="Pages" type="x:int"/></x:sequence></x:complexType></x:element>
  </x:schema></types>
  <message name="In"><part name="p" element="t:Print"/></message>
  <message name="Out"><part name="p" element="t:Printed"/></message>
  <portType name="P"><operation name="Print"><input message="t:In"/><output message="t:Out"/></operation></portType>
  <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Print"><soap:operation soapAction="print"/><input><soap:body use="literal"/></input>
    <output><soap:body use="literal"/></output></operation></binding>
  <service name="S"><port name="P" binding="t:B"><soap:address location="{address}"/></port></service>
</definitions>"""

ENVELOPE = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{}</e:Body></e:Envelope>'
PRINTED = ENVELOPE.format('<Printed xmlns="urn:t"><Card>KIA-99</Card><Pages>2</Pages></Printed>').encode()
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    + ENVELOPE.format('<Printed xmlns="urn:t"><Card>&b;</Card><Pages>2</Pages></Printed>')
).encode()


def fault(code: str) -> bytes:
    body = f"<e:Fault><faultcode>e:{code}</faultcode><faultstring>9999010101900001</faultstring></e:Fault>"
    return http(ENVELOPE.format(body).encode(), "500 Internal Server Error")


class Printer(SoapConnector[ExampleSettings]):
    """Prints cards."""

    agency = "printer"
    binding = "{urn:t}B"

    @operation(effect="read", purpose="test", contract="G")
    def read(self, query: Ask) -> ChildCard:
        """Reads."""
        return ChildCard(card_number=self.soap("Print", {"Nik": query.nik})["Card"], nik=query.nik)

    @operation(effect="write", purpose="test", contract="G")
    def write(self, query: Ask, *, reference: str) -> ChildCard:
        """Writes."""
        return ChildCard(card_number=self.soap("Print", {"Nik": query.nik})["Card"], nik=query.nik, reference=reference)


@pytest.fixture
def printer(tmp_path: Path):
    """Makes printers: `printer(server)`, `printer(server, more="…", call_deadline=1)`."""
    with contextlib.ExitStack() as stack:

        def make(server: Server, more: str = "", schema: str = "", address: str = "http://x.invalid", **settings):
            path = tmp_path / "printer.wsdl"
            path.write_text(WSDL.format(more=more, schema=schema, address=address))
            kind = type("Pinned", (Printer,), {"wsdl": path})
            return stack.enter_context(kind(ExampleSettings(base_url=f"{server.url}/print", **settings)))

        yield make


Make = Callable[..., Printer]


def test_an_operation_is_called_at_the_settings_address_not_the_wsdls(serve, printer: Make):
    server = serve(answering(http(PRINTED)))
    elsewhere = serve(answering(http(PRINTED)))

    assert printer(server, address=f"{elsewhere.url}/wrong").read(Ask()).card_number == "KIA-99"
    assert server.requests[0].startswith(b"POST /print HTTP/1.1\r\n")
    assert b"SOAPAction: " in server.requests[0]
    assert elsewhere.connections == 0


def test_answers_are_plain_values(serve, printer: Make):
    assert printer(serve(answering(http(PRINTED)))).soap("Print", {"Nik": "1"}) == {"Card": "KIA-99", "Pages": 2}


def test_the_wsdl_is_read_once(serve, printer: Make):
    connector = printer(serve(answering(http(PRINTED))))
    connector.read(Ask())
    connector.wsdl.unlink()

    assert connector.read(Ask()).card_number == "KIA-99"


@pytest.mark.parametrize("where", ["more", "schema"])
def test_nothing_is_loaded_from_elsewhere(serve, printer: Make, where):
    elsewhere = serve(answering(http(b"<x/>")))
    imports = {
        "more": f'<import namespace="urn:o" location="{elsewhere.url}/o.wsdl"/>',
        "schema": f'<x:import namespace="urn:o" schemaLocation="{elsewhere.url}/o.xsd"/>',
    }

    with pytest.raises(errors.AgencyError):
        printer(serve(answering(http(PRINTED))), **{where: imports[where]}).read(Ask())
    assert elsewhere.connections == 0


def test_files_outside_the_wsdls_folder_are_not_loaded(serve, printer: Make, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "o.xsd"
    outside.write_text('<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o"/>')

    with pytest.raises(errors.AgencyError):
        printer(
            serve(answering(http(PRINTED))), schema=f'<x:import namespace="urn:o" schemaLocation="{outside}"/>'
        ).read(Ask())


@pytest.mark.parametrize(
    ("answer", "reading", "writing"),
    [
        (fault("Client"), errors.BadData, errors.BadData),
        (fault("Server"), errors.Retriable, errors.InDoubt),
        (fault("Server.Busy"), errors.Retriable, errors.InDoubt),
        (http(b"", "500 Internal Server Error"), errors.Retriable, errors.InDoubt),
        (http(b"oops", "500 Internal Server Error"), errors.Retriable, errors.InDoubt),
        (http(b"<html>", "503 Service Unavailable"), errors.Retriable, errors.InDoubt),
        (http(b"", "401 Unauthorized"), errors.Misconfigured, errors.Misconfigured),
        (http(b"not xml"), errors.BadData, errors.InDoubt),
        (http(b""), errors.Retriable, errors.InDoubt),
        (http(b"<HTML/>"), errors.Retriable, errors.InDoubt),
        (http(BOMB), errors.BadData, errors.InDoubt),
        (http(PRINTED.replace(b"Card>", b"Other>")), errors.BadData, errors.InDoubt),
        (http(PRINTED + b" " * 100_000), errors.BadData, errors.InDoubt),
    ],
    ids=[
        "client fault", "server fault", "dotted fault", "500", "500 text", "503", "401", "text", "nothing", "page",
        "entities", "wrong element", "too large",
    ],
)  # fmt: skip
def test_trouble_with_soap_is_named_by_what_to_do_next(serve, printer: Make, answer, reading, writing):
    connector = printer(serve(answering(answer)), max_response_bytes=50_000)

    with pytest.raises(errors.AgencyError) as read:
        connector.read(Ask())
    with pytest.raises(errors.AgencyError) as written:
        connector.write(Ask(), reference="R")

    assert (type(read.value), type(written.value)) == (reading, writing)
    assert "9999010101900001" not in f"{read.value} {read.value.detail}"


def test_a_value_of_the_wrong_type_is_left_out_and_not_logged(serve, printer: Make, caplog):
    caplog.set_level(logging.DEBUG)
    answer = http(PRINTED.replace(b"<Pages>2", b"<Pages>9999010101900001 and more"))

    assert printer(serve(answering(answer))).soap("Print", {"Nik": "9999010101900001"})["Pages"] is None
    assert "9999010101900001" not in caplog.text


def test_the_deadline_holds_for_soap(serve, printer: Make):
    server = serve(dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"))

    with pytest.raises(errors.InDoubt) as caught:
        printer(server, call_deadline=0.3).write(Ask(), reference="R")

    assert caught.value.code == "DEADLINE"


def test_a_request_that_the_wsdl_does_not_know_is_never_sent(serve, printer: Make):
    server = serve(answering(http(PRINTED)))
    connector = printer(server)

    with pytest.raises(errors.BadData) as caught:
        connector.soap("Print", {"Nik": "1", "Other": "2"})

    assert not caught.value.doubtful
    assert server.connections == 0


def test_zeep_is_imported_with_the_first_soap_call_only():
    code = "import sys, connectors.toolkit, connectors.simponi.connector; sys.exit('zeep' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
