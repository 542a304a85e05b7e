import datetime as dt
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

from connectors import sandbox_app
from connectors.notify import mapping
from connectors.notify.connector import Notify
from connectors.notify.mailroom import Mailroom
from connectors.notify.requests import Message
from connectors.notify.settings import NotifySettings
from connectors.toolkit import errors

CHAT = Message(channel="whatsapp", recipient="0899-0000-0001", text="Dokumen selesai.")
MAIL = Message(channel="email", recipient="warga@contoh.invalid", subject="Dokumen selesai: Añ", text=".\nSilakan\n.\n")


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running(["notify"]) as running:
        yield running


@pytest.fixture
def agency(server):
    server.app.agencies["notify"].reset()
    return server.app.agencies["notify"]


@pytest.fixture
def notify(server, agency):
    with Notify(server.settings("notify")) as connector:
        yield connector


def test_a_message_is_taken_once_per_reference(agency, notify):
    first, again = (notify.send(CHAT, reference="R-1") for _ in range(2))
    notify.send(CHAT, reference="R-2")

    assert first == again
    assert (first.recipient, first.status, first.reference) == ("+6289900000001", "accepted", "R-1")
    assert agency.writes["send"] == {"R-1": 1, "R-2": 1}


def test_another_message_under_the_same_reference_is_refused(notify):
    notify.send(CHAT, reference="R-1")

    with pytest.raises(errors.BadData) as caught:
        notify.send(CHAT.model_copy(update={"text": "Lain."}), reference="R-1")
    assert caught.value.code == "KEY_REUSED"


def test_a_mail_is_taken_once_per_reference(agency, notify):
    first, again = (notify.send(MAIL, reference="R-1") for _ in range(2))
    notify.send(MAIL, reference="R-2")

    assert first.message_id == again.message_id
    assert "R-1" not in first.message_id
    assert sum(agency.writes["send"].values()) == 2


@pytest.mark.parametrize(
    "message",
    [
        CHAT.model_copy(update={"recipient": "+62899000000000"}),
        MAIL.model_copy(update={"recipient": "x@nobody.invalid"}),
    ],
)
def test_who_cannot_be_written_to_is_a_rejection_with_a_reason(notify, message):
    with pytest.raises(errors.Rejected) as caught:
        notify.send(message, reference="R-1")
    assert caught.value.code == "RECIPIENT"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Halo\r\nBcc: lain@contoh.invalid"},
        {"subject": "Halo\u2028X: y"},
        {"recipient": "a@contoh.invalid\r\nRCPT TO:<b@contoh.invalid>"},
        {"recipient": "a@contoh.invalid, b@contoh.invalid"},
        {"recipient": "A <a@contoh.invalid>"},
        {"recipient": "a@contoh"},
        {"subject": None},
        {"text": "x\x00"},
        {"channel": "sms"},
        {"channel": "sms", "recipient": "0812"},
    ],
)
def test_what_could_be_another_header_or_is_no_recipient_is_refused_before_it_is_sent(changes):
    with pytest.raises(ValidationError) as caught:
        Message.model_validate(MAIL.model_dump() | changes)
    assert "contoh" not in str(caught.value)


def test_a_mail_says_who_what_and_when_and_stays_what_it_was():
    made = mapping.mail(MAIL, sender="mpp@kota.invalid", reference="R-1", now=dt.datetime(2026, 2, 1, tzinfo=dt.UTC))

    assert (made["To"], made["Subject"]) == (MAIL.recipient, MAIL.subject)
    assert made["Message-ID"].endswith("@kota.invalid>")
    assert made.get_content().splitlines() == MAIL.text.splitlines()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


def settings(port, **more):
    return NotifySettings(
        base_url="http://127.0.0.1:1", token="t", sender="MPP", mail_from="mpp@kota.invalid", smtp_port=port, **more
    )


def outcome(made):
    with Notify(made) as connector:
        try:
            return connector.send(MAIL, reference="R-1").status
        except errors.AgencyError as error:
            return (error.kind, error.code)


def test_a_mail_goes_out_encrypted_to_a_server_whose_certificate_is_trusted(certificate):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    taken = []
    room = Mailroom(taken.append, tls)
    port = room.start("127.0.0.1", 0)
    try:
        assert outcome(settings(port, smtp_ca_file=certificate)) == "accepted"
        assert outcome(settings(port)) == ("misconfigured", "TLS_CERTIFICATE")
        assert outcome(settings(port, smtp_security="none"))[0] == "misconfigured"
    finally:
        room.stop()
    assert [mail.subject for mail in taken] == [MAIL.subject]


def test_a_server_that_offers_no_encryption_or_login_is_not_used():
    room = Mailroom(lambda _: None)
    port = room.start("127.0.0.1", 0)
    try:
        assert outcome(settings(port)) == ("misconfigured", "SMTP_SECURITY")
        login = {"smtp_security": "none", "smtp_user": "u", "smtp_password": SecretStr("p")}
        assert outcome(settings(port, **login)) == ("misconfigured", "SMTP_SECURITY")
    finally:
        room.stop()


@pytest.mark.parametrize(
    ("says", "end"),
    [
        (b"", ("retriable", "CONNECTION_LOST")),
        (b"421 busy\r\n", ("retriable", "SMTP_421")),
        (b"554 go away\r\n", ("misconfigured", "SMTP_554")),
    ],
)
def test_a_server_in_trouble_is_named_by_what_to_do_next(says, end):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def once():
            connection, _ = listening.accept()
            with connection:
                connection.sendall(says)

        thread = threading.Thread(target=once)
        thread.start()
        assert outcome(settings(listening.getsockname()[1], smtp_security="none")) == end
        thread.join()


def test_a_server_that_says_a_letter_at_a_time_is_cut_off_at_the_deadline():
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip():
            connection, _ = listening.accept()
            with connection:
                while not done.wait(0.05):
                    try:
                        connection.sendall(b"2")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        made = settings(listening.getsockname()[1], smtp_security="none", call_deadline=0.4)
        assert outcome(made) == ("retriable", "DEADLINE")
        done.set()
        thread.join()


def test_plain_mail_to_another_machine_is_no_setting_unless_it_is_said():
    with pytest.raises(ValidationError):
        settings(25, smtp_host="mail.kota.invalid", smtp_security="none")
    assert settings(25, smtp_host="mail.kota.invalid", smtp_security="none", plain_http=True)


def test_the_mail_server_starts_and_stops_with_the_sandbox():
    with sandbox_app.running(["notify"]) as running:
        port = running.settings("notify").smtp_port
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
