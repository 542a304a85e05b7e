import socket
import ssl
from ipaddress import ip_address

import pytest

from connectors.toolkit import documents, paper
from connectors.toolkit.documents import Limits, fetch, is_public
from connectors.toolkit.errors import AgencyError, BadData, Retriable

OWN = Limits(loopback=True, seconds=5)
FILE = paper.pdf("Izin contoh")


def answering(body=FILE, *, status="200 OK", media_type="application/pdf", more="", length=None):
    def behave(server, connection):
        server.asked = connection.recv(4096)
        size = len(body) if length is None else length
        head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {size}\r\n{more}\r\n"
        connection.sendall(head.encode() + body)

    return behave


def refusal(url, limits=OWN):
    with pytest.raises(AgencyError) as caught:
        fetch(url, limits)
    assert "127.0.0.1" not in f"{caught.value} {caught.value.detail}"
    return caught.value


def test_a_pdf_is_fetched_and_its_record_proves_it(serve):
    server = serve(answering())

    record = fetch(f"{server.url}/izin.pdf?versi=1", OWN).record()

    assert (record.size, record.media_type) == (len(FILE), "application/pdf")
    assert server.asked.startswith(b"GET /izin.pdf?versi=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in server.asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0",  # noqa: S104
        "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "169.254.1.1",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "100.100.100.200", "168.63.129.16", "::", "::1",
        "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "::ffff:93.184.215.14",
        "::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:0:1::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_no_address_but_a_public_one_is_gone_to(address, monkeypatch):
    assert not is_public(ip_address(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 1, 6, "", (address, 443))])
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it was connected to"))

    assert refusal("https://arsip.example/x.pdf", Limits()).code == "FORBIDDEN_ADDRESS"


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://arsip.example/x.pdf", "ftp://arsip.example/x", "file:///etc/passwd", "gopher://arsip.example/", "x.pdf", "",
        "https://", "https://user:secret@arsip.example/", "https://@arsip.example/", "https://arsip.example:port/",
        "https://arsip.example\\@127.0.0.1/", "https://arsip.example/\r\nX: y", "https://arsip.example/ x",
        "https://\u2488\u2489.example/", "https://[::1", "https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/", "https://localhost/",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_https_is_refused(url):
    assert refusal(url, Limits(seconds=5)).code in {"FORBIDDEN_ADDRESS", "UNKNOWN_HOST"}


def test_http_goes_to_this_machine_alone_even_where_that_is_allowed(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 1, 6, "", ("93.184.215.14", 80))])

    assert refusal("http://arsip.example/").code == "FORBIDDEN_ADDRESS"


def test_one_private_address_among_public_ones_spoils_the_name(monkeypatch):
    found = [(0, 1, 6, "", (address, 443)) for address in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it was connected to"))

    assert refusal("https://arsip.example/", Limits()).code == "FORBIDDEN_ADDRESS"


def test_a_name_is_resolved_once_and_what_was_judged_is_connected_to(serve, monkeypatch):
    server, asked = serve(answering()), []

    def resolve(host, port, **_):
        asked.append(host)
        return [(0, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    assert fetch(f"http://arsip.example:{server.port}/", OWN).content == FILE
    assert asked == ["arsip.example"]
    assert f"Host: arsip.example:{server.port}".encode() in server.asked


def test_the_certificate_is_checked_against_the_name_in_the_address(serve, certify, monkeypatch):
    right, wrong = certify("right", host="arsip.example"), certify("wrong", host="other.example")
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, **__: [(0, 1, 6, "", ("127.0.0.1", port))])
    codes = []
    for certificate in (right, wrong):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate.certificate, certificate.key)
        server = serve(answering(), tls=tls)
        limits = Limits(loopback=True, seconds=5, ca_file=certificate.certificate)
        try:
            codes.append(fetch(f"https://arsip.example:{server.port}/", limits).content == FILE)
        except BadData as refused:
            codes.append(refused.code)

    assert codes == [True, "TLS_CERTIFICATE"]


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (answering(status="302 Found", more="Location: http://127.0.0.1/\r\n"), "FORBIDDEN_ADDRESS"),
        (answering(status="404 Not Found"), "HTTP_404"),
        (answering(media_type="text/html"), "MEDIA_TYPE"),
        (answering(b"<html>"), "CONTENT"),
        (answering(FILE[:-40]), "CONTENT"),
        (answering(b""), "CONTENT"),
        (answering(more="Content-Encoding: gzip\r\n"), "ENCODED"),
        (answering(length=OWN.max_bytes + 1), "TOO_LARGE"),
    ],
)
def test_what_is_not_the_document_is_bad_data(serve, behave, code):
    error = refusal(serve(behave).url)

    assert isinstance(error, BadData)
    assert error.code == code


def test_a_body_of_unannounced_size_is_cut_off_at_the_limit(serve):
    def endless(_, connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n%PDF-")
        while True:
            connection.sendall(b"x" * 65536)

    assert refusal(serve(endless).url).code == "TOO_LARGE"


@pytest.mark.parametrize(
    ("behave", "code"),
    [(answering(status="503 Busy"), "HTTP_503"), (answering(length=len(FILE) + 9), "CONNECTION_LOST")],
)
def test_what_may_be_better_next_time_is_asked_again(serve, behave, code):
    error = refusal(serve(behave).url)

    assert isinstance(error, Retriable)
    assert error.code == code


def test_a_server_that_sends_a_byte_at_a_time_is_cut_off_at_the_deadline(serve):
    def slow(server, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 9999\r\n\r\n%PDF-")
        while not server.ended.wait(0.05):
            connection.sendall(b"x")

    assert refusal(serve(slow).url, Limits(loopback=True, seconds=0.4)).code == "DEADLINE"


def test_a_document_too_large_for_a_message_keeps_its_proof_but_not_its_content():
    record = documents.Document(FILE + b" " * 600_000, documents.PDF).record()

    assert record.content is None
    assert record.size == len(FILE) + 600_000
