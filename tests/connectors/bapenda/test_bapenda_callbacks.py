import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connectors import sandbox_app
from connectors.bapenda import callbacks, sandbox, verdicts, wire
from connectors.bapenda.connector import Bapenda
from connectors.toolkit import diagnoses, errors
from connectors.toolkit.callback import Handled, Received, Taken
from schemas.civil import Address
from schemas.tax import PropertyTax, TransferTax

SETTINGS = sandbox.settings("http://127.0.0.1:1")
AT = datetime(2026, 3, 2, tzinfo=UTC)
NOP = "990100100100100010"
LOGIN = {"USERNAME": sandbox.BPN_USERNAME, "PASSWORD": sandbox.BPN_PASSWORD}
both = pytest.mark.parametrize("callback", [callbacks.BPHTB, callbacks.PBB], ids=lambda one: one.name)


def received(body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Received("POST", "/", {}, raw, "", AT)


def refused(callback, body, settings=SETTINGS):
    with pytest.raises(errors.AgencyError) as error:
        callback.take(received(body), settings)
    reply = callback.refuse(received(body), error.value)
    assert reply.status == 200
    return json.loads(reply.body)


def test_bpns_calls_are_answered_from_the_sandbox_with_exactly_the_contracts_fields():
    with sandbox_app.running(["bapenda"]) as running, Bapenda(running.settings("bapenda")) as connector:
        for callback, fields in ((callbacks.BPHTB, wire.BPHTB_FIELDS), (callbacks.PBB, wire.PBB_FIELDS)):
            taken = callback.take(sandbox.CALLS[callback.name](SETTINGS, AT, 2), SETTINGS)
            asked = connector.operations()[taken.question.operation.partition(".")[2]]
            record = asked.invoke(connector, taken.question.request)
            reply = json.loads(callback.answer(taken, Handled(record=record)).body)
            assert reply["respon_code"] == "OK"
            assert tuple(reply["result"]) == fields


def test_a_transfer_tax_is_worded_as_bpn_reads_it():
    record = TransferTax(
        nop=NOP,
        status="paid",
        amount=Decimal("43500000.00"),
        ntpd="9926030100000001",
        paid_on=date(2026, 3, 1),
        payment_kind="L",
        buyer_nik="9901010706960031",
        buyer_name="CONTOH",
        address=Address(street="JALAN", village="DESA", district="KECAMATAN", regency="KABUPATEN"),
        land_area=Decimal("89.50"),
        building_area=Decimal(0),
    )
    reply = callbacks.answer_transfer_tax(Taken(), Handled(record=record))
    assert json.loads(reply.body) == {
        "result": {
            "NOP": NOP,
            "NIK": "9901010706960031",
            "NAMA": "CONTOH",
            "ALAMAT": "JALAN",
            "KELURAHAN_OP": "DESA",
            "KECAMATAN_OP": "KECAMATAN",
            "KOTA_OP": "KABUPATEN",
            "LUASTANAH": "89.5",
            "LUASBANGUNAN": "0",
            "PEMBAYARAN": "43500000",
            "STATUS": "Y",
            "TANGGAL_PEMBAYARAN": "01/03/2026",
            "NTPD": "9926030100000001",
            "JENISBAYAR": "L",
        },
        "respon_code": "OK",
    }


@pytest.mark.parametrize(
    ("status", "words"), [("settled", "100% Lunas"), ("arrears", "Belum Lunas"), (None, "Belum Lunas")]
)
def test_blanks_are_written_as_the_contract_has_them_and_nothing_unknown_is_called_paid(status, words):
    reply = callbacks.answer_property_tax(Taken(), Handled(record=PropertyTax(nop=NOP, status=status)))
    result = json.loads(reply.body)["result"]
    assert (result["NIK"], result["NAMA_WP"], result["KOTA_OP"]) == ("0", "-", "-")
    assert result["STATUS_TUNGGAKAN"] == words


def test_a_dotted_nop_and_a_year_are_understood():
    body = {**LOGIN, "NOP": "99.01.001.001.001-0001.0", "TAHUN": "2024"}
    request = callbacks.PBB.take(received(body), SETTINGS).question.request
    assert (request.nop, request.year) == (NOP, 2024)
    assert callbacks.PBB.take(received({**LOGIN, "NOP": NOP, "TAHUN": ""}), SETTINGS).question.request.year is None


@both
@pytest.mark.parametrize(
    "login",
    [
        {},
        {**LOGIN, "PASSWORD": "x"},
        {**LOGIN, "USERNAME": "x"},
        {**LOGIN, "PASSWORD": None},
        {**LOGIN, "PASSWORD": ["x"]},
    ],
)
def test_a_wrong_account_is_refused_in_bpns_words_before_anything_is_read(callback, login):
    assert refused(callback, {**login, "NOP": "nonsense"}) == {"respon_code": "Username atau password salah"}


@both
def test_without_an_account_in_the_settings_nobody_may_ask(callback):
    nobody = SETTINGS.model_copy(update={"callback_password": None})
    assert refused(callback, {**LOGIN, "PASSWORD": "", "NOP": NOP}, nobody)["respon_code"] == verdicts.WRONG_LOGIN


@both
@pytest.mark.parametrize("body", [b"", b"[]", b"<x/>", b"[" * 100_000, b'{"a": "' + b"x" * 20_000 + b'"}', b"\xff"])
def test_what_is_no_question_is_refused_without_a_stumble(callback, body):
    assert refused(callback, body) == {"respon_code": "Data tidak ditemukan"}


def test_a_number_that_is_none_is_not_found():
    assert refused(callbacks.PBB, {**LOGIN, "NOP": "1"}) == {"respon_code": "NOP tidak ditemukan"}
    assert refused(callbacks.BPHTB, {**LOGIN, "NOP": NOP}) == {"respon_code": "NTPD tidak ditemukan"}


@both
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (verdicts.VERDICTS["ntpdtidakditemukan"](), 200, "NTPD tidak ditemukan"),
        (verdicts.VERDICTS["noptidakditemukan"](), 200, "NOP tidak ditemukan"),
        (verdicts.VERDICTS["pbbbelumlunas"](), 200, "Data tidak ditemukan"),
        (errors.Retriable("DEADLINE", diagnosis=diagnoses.DEADLINE), 503, callbacks.NOT_NOW),
        (errors.Misconfigured("LOGIN", diagnosis=verdicts.LOGIN), 503, callbacks.NOT_NOW),
        (None, 503, callbacks.NOT_NOW),
    ],
)
def test_only_what_is_truly_not_there_is_said_to_be(callback, error, status, words):
    reply = callback.answer(Taken(), Handled(error=error))
    assert (reply.status, json.loads(reply.body)) == (status, {"respon_code": words})
