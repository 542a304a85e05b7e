import ssl

import pytest
from misbehaving import Ask, Example, ExampleSettings, answering, http

from connectors.toolkit import errors
from connectors.toolkit.transport import tls_context


@pytest.fixture
def certificate(certify):
    return certify("agency")


@pytest.fixture
def url(serve, certificate):
    return f"https://127.0.0.1:{serve(answering(http()), tls=certificate.server_context()).port}"


def test_a_self_signed_certificate_is_refused(url, connect):
    with pytest.raises(errors.Misconfigured) as caught:
        connect(url).write(Ask(), reference="R")

    assert caught.value.code == "TLS_CERTIFICATE"


def test_a_self_signed_certificate_is_accepted_when_it_is_the_ca_file(url, connect, certificate):
    assert connect(url, ca_file=certificate.certificate).read(Ask()).card_number == "KIA-99"


def test_another_ca_is_refused(url, connect, certify):
    with pytest.raises(errors.Misconfigured):
        connect(url, ca_file=certify("somebody-else").certificate).read(Ask())


def test_the_ca_file_counts_however_the_address_is_spelt(url, connect, certificate):
    shouted = url.replace("https", "HTTPS")

    assert connect(shouted, ca_file=certificate.certificate).read(Ask()).card_number == "KIA-99"


def test_with_a_ca_file_no_public_ca_is_trusted(url, connect, certificate):
    connector = connect(url, ca_file=certificate.certificate)
    connector.read(Ask())
    pool = connector.transport._adapter.poolmanager.connection_from_url(url)

    assert [dict(*ca["subject"])["commonName"] for ca in pool.conn_kw["ssl_context"].get_ca_certs()] == ["agency"]


def test_a_certificate_for_another_name_is_refused_unless_the_settings_name_it(serve, connect, certify):
    certificate = certify("named", host="agency.example")
    url = f"https://127.0.0.1:{serve(answering(http()), tls=certificate.server_context()).port}"

    with pytest.raises(errors.Misconfigured):
        connect(url, ca_file=certificate.certificate).read(Ask())
    connector = connect(url, ca_file=certificate.certificate, tls_name="agency.example")
    assert connector.read(Ask()).card_number == "KIA-99"


def test_tls_before_1_2_is_not_spoken(certificate):
    context = tls_context(ExampleSettings(base_url="https://x", ca_file=certificate.certificate))

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_server_that_speaks_something_else_was_never_sent_anything(serve, connect):
    server = serve(lambda server, connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))

    with pytest.raises(errors.Retriable) as caught:
        connect(f"https://127.0.0.1:{server.port}").write(Ask(), reference="R")

    assert (caught.value.code, caught.value.doubtful) == ("TLS", False)


def test_the_client_certificate_is_shown_to_an_agency_that_asks(serve, connect, certificate, certify):
    ours = certify("simpul")
    context = certificate.server_context()
    context.load_verify_locations(ours.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    url = f"https://127.0.0.1:{serve(answering(http()), tls=context).port}"

    with pytest.raises(errors.AgencyError):
        connect(url, ca_file=certificate.certificate).read(Ask())
    assert connect(url, ca_file=certificate.certificate, client_cert=ours.both).read(Ask()).card_number == "KIA-99"


def test_a_certificate_file_that_is_not_there_is_the_operators_business(tmp_path):
    with pytest.raises(errors.Misconfigured) as caught:
        Example(ExampleSettings(base_url="https://x", ca_file=tmp_path / "missing.pem"))

    assert caught.value.code == "TLS_FILES"
