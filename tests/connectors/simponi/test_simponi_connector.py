import json
import queue
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.simponi import push
from connectors.simponi.connector import Simponi
from connectors.simponi.requests import BillQuery, BillRequest
from connectors.simponi.sandbox import rest_settings
from connectors.toolkit import diagnoses, errors
from connectors.toolkit.callback import Handled, Received

AGENCY = "simponi"
REQUEST = BillRequest(
    payer_name="Contoh & <Anak>",
    nik="9974014101900001",
    tariff_code="000001",
    amount=Decimal(650000),
    description="Paspor",
)


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
    with Simponi(sandbox.settings(AGENCY).model_copy(update=changes)) as connector:
        yield connector


@pytest.fixture(params=["soap", "rest"])
def transport(request):
    return request.param


def over(sandbox, transport):
    return {} if transport == "soap" else {"transport": "rest", "base_url": rest_settings(sandbox.url).base_url}


@pytest.fixture
def soap(sandbox):
    with connected(sandbox) as connector:
        yield connector


@pytest.fixture
def simponi(sandbox, transport):
    with connected(sandbox, **over(sandbox, transport)) as connector:
        yield connector


def control(sandbox, name, body):
    return requests.post(f"{sandbox.url}/_sandbox/{AGENCY}/{name}", data=json.dumps(body), timeout=10)


def script(sandbox, operation, *faults, **match):
    control(sandbox, "faults", [{"operation": operation, "match": match, "faults": list(faults)}]).raise_for_status()


def xml(body, status=200):
    return {"kind": "status", "status": status, "body": body, "media_type": "text/xml"}


def verdict(code, transport):
    if transport == "rest":
        body = json.dumps({"response": {"code": code, "message": "x"}})
        return {"kind": "status", "status": 200, "body": body, "media_type": "application/json"}
    return xml(
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<s:PaymentResponse xmlns:s="http://SimponiBRI_Service"><response>'
        f"<code>{code}</code><message>x</message></response></s:PaymentResponse></e:Body></e:Envelope>"
    )


@contextmanager
def receiver(*statuses):
    """Somebody to push payments to, who answers with these statuses and then with 200."""
    received = queue.Queue()
    answers = iter(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = next(answers, 200)
            if status == 200:
                received.put(body)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}/payments", received
        finally:
            httpd.shutdown()


def test_a_bill_is_made_unpaid_and_expires_when_asked_to(simponi, sandbox):
    bill = simponi.create_bill(REQUEST, reference="passport/1")
    assert len(bill.billing_code) == 15
    assert (bill.amount, bill.reference, bill.description) == (Decimal(650000), "passport/1", "Paspor")
    assert timedelta(minutes=119) < bill.expires_at - bill.issued_at <= timedelta(minutes=121)
    assert simponi.get_bill(BillQuery(billing_code=bill.billing_code)).status == "unpaid"


def test_the_same_reference_twice_makes_two_bills(simponi, sandbox):
    first, second = (simponi.create_bill(REQUEST, reference="passport/1") for _ in range(2))
    assert first.billing_code != second.billing_code
    writes = requests.get(f"{sandbox.url}/_sandbox/{AGENCY}/writes", timeout=5).json()
    assert writes == {"create_bill": {"passport/1": 2}}


def test_a_paid_bill_has_an_ntpn(simponi, sandbox):
    bill = simponi.create_bill(REQUEST, reference="passport/1")
    row = control(sandbox, "pay", {"billing_code": bill.billing_code}).json()
    payment = simponi.get_bill(BillQuery(billing_code=bill.billing_code))
    assert (payment.status, payment.ntpn, payment.ntb) == ("paid", row["NTPN"], row["NTB"])
    assert bill.issued_at <= payment.paid_at
    assert payment.channel == "7012"


def test_paying_twice_changes_nothing(simponi, sandbox):
    bill = simponi.create_bill(REQUEST, reference="passport/1")
    first, second = (control(sandbox, "pay", {"billing_code": bill.billing_code}).json() for _ in range(2))
    assert first == second


def test_a_bill_expires_by_the_agencys_clock_and_cannot_be_paid_then(simponi, sandbox):
    bill = simponi.create_bill(REQUEST, reference="passport/1")
    control(sandbox, "clock", {"offset_seconds": 2 * 3600 + 60}).raise_for_status()
    assert simponi.get_bill(BillQuery(billing_code=bill.billing_code)).status == "expired"
    assert control(sandbox, "pay", {"billing_code": bill.billing_code}).status_code == 409
    control(sandbox, "clock", {"offset_seconds": 0}).raise_for_status()
    assert simponi.get_bill(BillQuery(billing_code=bill.billing_code)).status == "unpaid"


def test_a_paid_bill_stays_paid_after_its_time(simponi, sandbox):
    bill = simponi.create_bill(REQUEST, reference="passport/1")
    control(sandbox, "pay", {"billing_code": bill.billing_code}).raise_for_status()
    control(sandbox, "clock", {"offset_seconds": 86400}).raise_for_status()
    assert simponi.get_bill(BillQuery(billing_code=bill.billing_code)).status == "paid"


def test_a_billing_code_that_was_never_issued_is_rejected(simponi):
    with pytest.raises(errors.Rejected):
        simponi.get_bill(BillQuery(billing_code="820990000000001"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"password": SecretStr("wrong")}, "IU"), ({"user_id": "x"}, "IU"), ({"office_code": "1"}, "IS")],
)
def test_a_wrong_account_is_our_misconfiguration(sandbox, transport, changes, code):
    with connected(sandbox, **over(sandbox, transport), **changes) as connector:
        for call in (
            lambda: connector.create_bill(REQUEST, reference="passport/1"),
            lambda: connector.get_bill(BillQuery(billing_code="820990000000001")),
        ):
            with pytest.raises(errors.Misconfigured) as wrong:
                call()
            assert wrong.value.code == code
            assert "wrong" not in str(wrong.value)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("30", errors.Misconfigured),
        ("99", errors.BadData),
        ("ID", errors.BadData),
        ("IS", errors.Misconfigured),
        ("IU", errors.Misconfigured),
        ("GE", errors.Retriable),
        ("77", errors.BadData),
    ],
)
def test_every_code_becomes_its_error(simponi, sandbox, transport, code, kind):
    script(sandbox, "create_bill", verdict(code, transport))
    with pytest.raises(kind):
        simponi.create_bill(REQUEST, reference="passport/1")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "drop", "after_write": True},
        {"kind": "timeout", "seconds": 3, "after_write": True},
    ],
)
def test_a_bill_may_be_asked_for_again_after_any_trouble(sandbox, transport, fault):
    script(sandbox, "create_bill", fault, reference="passport/1")
    with connected(sandbox, call_deadline=1.0, **over(sandbox, transport)) as connector:
        with pytest.raises(errors.Retriable):
            connector.create_bill(REQUEST, reference="passport/1")
        assert connector.create_bill(REQUEST, reference="passport/1").reference == "passport/1"


@pytest.mark.parametrize(
    "body", ["", "<html><body>Sedang pemeliharaan</body></html>", "<!DOCTYPE html><html><body>x<br></body></html>"]
)
@pytest.mark.parametrize("status", [200, 500])
def test_a_web_page_or_nothing_instead_of_an_answer_is_asked_again(simponi, sandbox, body, status):
    script(sandbox, "get_bill", {"kind": "status", "status": status, "body": body})
    with pytest.raises(errors.Retriable):
        simponi.get_bill(BillQuery(billing_code="820990000000001"))


@pytest.mark.parametrize(
    "body",
    [
        (
            '<!DOCTYPE x [<!ENTITY a "b">]><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
            "<e:Body>&a;</e:Body></e:Envelope>"
        ),
        (
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><e:Envelope xmlns:e='
            '"http://schemas.xmlsoap.org/soap/envelope/"><e:Body>&a;</e:Body></e:Envelope>'
        ),
        "<unclosed>",
        "plain words",
        '{"json": true}',
    ],
)
def test_an_answer_with_a_document_type_or_no_xml_at_all_is_bad_data(soap, sandbox, body):
    script(sandbox, "get_bill", xml(body))
    with pytest.raises(errors.BadData) as bad:
        soap.get_bill(BillQuery(billing_code="820990000000001"))
    assert "root:" not in f"{bad.value} {bad.value.detail}"


def test_an_answer_that_is_too_large_is_refused_before_it_is_parsed(sandbox):
    script(sandbox, "get_bill", xml("<a>" + " " * 100_000 + "</a>"))
    with connected(sandbox, max_response_bytes=50_000) as connector, pytest.raises(errors.AgencyError) as large:
        connector.get_bill(BillQuery(billing_code="820990000000001"))
    assert large.value.diagnosis == diagnoses.TOO_LARGE


def test_the_sandbox_refuses_a_document_type_with_a_fault(sandbox):
    bomb = '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    reply = requests.post(sandbox.settings(AGENCY).base_url, data=bomb, timeout=5)
    assert reply.status_code == 500
    assert "document types are refused" in reply.text


def test_the_sandbox_shows_its_wsdl_as_the_agency_does(sandbox):
    reply = requests.get(f"{sandbox.settings(AGENCY).base_url}?wsdl", timeout=5)
    assert "SimponiBRI_Service" in reply.text


def test_a_payment_is_pushed_and_prompts_a_signal_about_its_bill(soap, sandbox):
    bill = soap.create_bill(REQUEST, reference="passport/1")
    with receiver() as (url, received):
        control(sandbox, "pay", {"billing_code": bill.billing_code, "push_to": url}).raise_for_status()
        body = received.get(timeout=20)
    (callback,) = Simponi.callbacks
    call = Received("POST", "/", {}, body, "", datetime.now(UTC))
    taken = callback.take(call, sandbox.settings(AGENCY))
    (signal,) = taken.signals
    assert (callback.name, signal.kind, signal.reference) == ("payment", "payment", bill.billing_code)
    reply = callback.answer(taken, Handled(new=frozenset({signal.id})))
    assert (reply.status, json.loads(reply.body)[0]["status"]) == (200, push.RECEIVED["status"])


def test_a_push_that_is_not_taken_is_tried_again(soap, sandbox):
    bill = soap.create_bill(REQUEST, reference="passport/1")
    with receiver(503, 500) as (url, received):
        control(sandbox, "pay", {"billing_code": bill.billing_code, "push_to": url}).raise_for_status()
        assert json.loads(received.get(timeout=20))[0]["kode_billing_SIMPONI"] == bill.billing_code


@pytest.mark.parametrize("body", [{}, {"billing_code": 1}, {"billing_code": "1", "extra": 1}])
def test_the_sandboxs_own_controls_refuse_nonsense(sandbox, body):
    assert control(sandbox, "pay", body).status_code == 422
    assert control(sandbox, "clock", {"offset_seconds": "tomorrow"}).status_code == 422


def test_every_operation_says_what_it_does_and_on_what_contract():
    assert {name: (o.effect, o.contract, o.reconcile) for name, o in Simponi.operations().items()} == {
        "create_bill": ("repeatable", "C", None),
        "get_bill": ("read", "C", None),
    }


def test_a_bill_made_over_one_transport_is_known_over_the_other(sandbox):
    with connected(sandbox) as soap, connected(sandbox, **over(sandbox, "rest")) as rest:
        bill = soap.create_bill(REQUEST, reference="passport/1")
        control(sandbox, "pay", {"billing_code": bill.billing_code}).raise_for_status()
        query = BillQuery(billing_code=bill.billing_code)
        assert soap.get_bill(query) == rest.get_bill(query)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"data": "no json"}, "99"),
        ({"json": {"simponi_req": {}}}, "99"),
        ({"data": {"simponi_req": '{"method": "other", "data": []}'}}, "99"),
        ({"data": {"simponi_req": '{"method": "inquirybilling_v2", "data": ["1"]}'}}, "30"),
        ({"data": {"simponi_req": '{"method": "billingcode_v4", "data": {"header": [], "detail": [[]]}}'}}, "30"),
    ],
)
def test_the_rest_sandbox_is_strict_about_form_and_positions(sandbox, asked, code):
    url = f"{rest_settings(sandbox.url).base_url}/index/format/json"
    assert requests.post(url, timeout=5, **asked).json()["response"]["code"] == code
