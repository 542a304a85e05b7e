"""The live check, against the sandbox behind TLS with a CA of our own."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import json
import socket
import threading

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from connectors import sandbox_app
from connectors.toolkit.population import Population
from simpul.commands import connector

FATHER = Population().family(3).father
ASK = "get_person=" + json.dumps({"nik": FATHER.nik})


def certificate(folder, days):
    """A self-signed certificate for 127.0.0.1 that lasts so long: both the server's and the CA to pin."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )


@contextlib.contextmanager
def secured(folder):
    """The sandbox's Dukcapil over TLS; its address."""
    config = sandbox_app.config(sandbox_app.app(["dukcapil"]))
    config.ssl_certfile, config.ssl_keyfile = folder / "ca.pem", folder / "key.pem"
    # Now, not in the thread: a test may put other files in their place.
    config.load()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Starts the site and sets our settings for it."""
    with contextlib.ExitStack() as stack:

        def start(days=90, **changed):
            certificate(tmp_path, days)
            url = stack.enter_context(secured(tmp_path))
            variables = sandbox_app.environment(url, ["dukcapil"]) | {
                "SIMPUL_DUKCAPIL_CA_FILE": str(tmp_path / "ca.pem"),
                **{f"SIMPUL_DUKCAPIL_{name.upper()}": value for name, value in changed.items()},
            }
            for name, value in variables.items():
                monkeypatch.setenv(name, value)

        yield start


def live(*arguments):
    ran = CliRunner().invoke(connector.app, ["check", "dukcapil", "--live", "--json", *arguments])
    told = {check["check"]: check for check in json.loads(ran.stdout)["checks"]} if ran.exit_code < 2 else {}
    assert FATHER.nik not in ran.output
    return ran.exit_code, told


def failed(told):
    return {name for name, check in told.items() if not check["passed"]}


def test_a_site_that_is_ready_passes_every_step_and_tells_days_skew_and_quota(site):
    site()
    status, told = live("--request", ASK)
    said = " ".join(found["what"] for check in told.values() for found in check["findings"])

    assert (status, failed(told)) == (0, set())
    for words in ("90 days", "s from ours", "answered with person/1", "calls are left"):
        assert words in said


@pytest.mark.parametrize(
    ("changed", "step"),
    [
        ({"days": 3}, "live.tls"),
        ({"tls_name": "another.example"}, "live.tls"),
        ({"base_url": "https://nobody.invalid/x"}, "live.name"),
        ({"base_url": "https://127.0.0.1:1/x"}, "live.route"),
        ({"call_deadline": "soon"}, "live.settings"),
        ({"password": "wrong"}, "live.reads"),
    ],
)
def test_the_step_that_cannot_be_taken_says_what_to_ask_for(site, changed, step):
    site(**changed)
    status, told = live("--request", ASK)

    assert (status, failed(told)) == (1, {step})
    assert told[step]["remedy"]


def test_a_ca_that_is_not_the_pinned_one_is_refused(site, tmp_path):
    site()
    certificate(tmp_path, 90)
    status, told = live()

    assert (status, failed(told)) == (1, {"live.tls"})


def test_nothing_is_written_on_a_live_check(site):
    site()
    status, _ = live("--request", 'issue_family_card={"nkk": "9901010101010001"}')

    assert status == 2
