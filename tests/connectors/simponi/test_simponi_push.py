import json
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from connectors.simponi import push
from connectors.simponi.settings import SimponiSettings
from connectors.toolkit import errors
from connectors.toolkit.callback import Handled, Received, Taken

SETTINGS = SimponiSettings(
    base_url="http://127.0.0.1:1",
    user_id="user",
    password="pass",
    ministry_code="999",
    unit_code="99",
    office_code="999999",
    regulation_code="2019028",
    account_code="425211",
)

ROW = {
    "usr_id_SIMPONI": "user",
    "trx_id_SIMPONI": "trx",
    "kode_billing_SIMPONI": "820990000000001",
    "NTPN": "0123456789ABCDEF",
    "NTB": "000000000001",
    "tgl_jam_pembayaran": "01-02-2026 01:30:00",
    "bank_persepsi": "999",
    "channel_pembayaran": "7012",
    "tgl_buku": "01-02-2026",
}


def body(*rows):
    return json.dumps(list(rows)).encode()


def signals(sent, headers=None, settings=SETTINGS, peer=""):
    received = Received("POST", "/v1/callbacks/simponi", headers or {}, sent, peer, datetime(2026, 2, 1, tzinfo=UTC))
    return push.take(received, settings).signals


def test_each_row_is_one_signal_about_its_billing_code():
    other = ROW | {"kode_billing_SIMPONI": "820990000000002"}
    found = signals(body(ROW, other))
    assert [(signal.kind, signal.reference) for signal in found] == [
        ("payment", "820990000000001"),
        ("payment", "820990000000002"),
    ]


def test_a_repeated_push_has_the_same_id_whatever_else_it_says():
    first, second = (signals(body(row))[0] for row in (ROW, ROW | {"NTB": "other", "new": 1}))
    assert first.id == second.id
    assert ROW["kode_billing_SIMPONI"] not in first.id


def test_new_rows_are_answered_with_3_and_known_ones_with_2():
    found = signals(body(ROW, ROW))
    reply = push.answer(Taken(signals=found), Handled(new=frozenset({found[0].id})))
    rows = json.loads(reply.body)
    assert (reply.status, reply.media_type) == (200, "application/json")
    assert [(row["status"], row["message"]) for row in rows] == [
        (3, "Pembayaran Diterima"),
        (2, "Pembayaran Sudah Pernah Dikirimkan"),
    ]
    assert rows[0]["NTPN"] == ROW["NTPN"]


def test_numbers_where_strings_are_expected_are_read():
    assert signals(body(ROW | {"channel_pembayaran": 7012}))[0].reference == ROW["kode_billing_SIMPONI"]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"<html></html>",
        b"{}",
        b"[]",
        b"[1]",
        body({key: value for key, value in ROW.items() if key != "NTPN"}),
        body(ROW | {"kode_billing_SIMPONI": "12"}),
        body(ROW | {"kode_billing_SIMPONI": "' OR 1=1 --"}),
        body(ROW | {"NTB": "x" * 65}),
        body(*[ROW] * 501),
        b"[" * 100_000,
    ],
)
def test_what_is_not_the_list_of_the_contract_is_bad_data(sent):
    with pytest.raises(errors.BadData):
        signals(sent)


def test_a_push_that_is_too_large_is_refused_before_it_is_read():
    with pytest.raises(errors.BadData) as bad:
        signals(b" " * (push.MAX_BYTES + 1))
    assert bad.value.code == "TOO_LARGE"


def test_errors_name_the_field_and_never_what_was_sent():
    with pytest.raises(errors.BadData) as bad:
        signals(body(ROW | {"kode_billing_SIMPONI": "81234"}))
    assert bad.value.field == "0.kode_billing_SIMPONI"
    assert "81234" not in f"{bad.value} {bad.value.detail}"


@pytest.mark.parametrize(
    ("headers", "admitted"),
    [({}, False), ({"x-callback-secret": "wrong"}, False), ({"x-callback-secret": "right"}, True)],
)
def test_where_a_secret_is_agreed_only_who_knows_it_is_heard(headers, admitted):
    settings = SETTINGS.model_copy(update={"callback_secret": SecretStr("right")})
    if admitted:
        assert signals(body(ROW), headers, settings)
    else:
        with pytest.raises(errors.Misconfigured):
            signals(body(ROW), headers, settings)


def test_an_empty_secret_admits_nobody_however_it_got_there():
    settings = SETTINGS.model_copy(update={"callback_secret": SecretStr("")})
    for headers in ({}, {"x-callback-secret": ""}):
        with pytest.raises(errors.Misconfigured):
            signals(body(ROW), headers, settings)


@pytest.mark.parametrize("secret", ["", " " * 16, "fifteen letters"])
def test_a_secret_that_can_be_guessed_is_no_setting(secret):
    with pytest.raises(ValidationError) as wrong:
        SimponiSettings(**SETTINGS.model_dump(exclude={"callback_secret"}), callback_secret=secret)
    assert "callback_secret" in str(wrong.value)
    assert "fifteen" not in str(wrong.value)


@pytest.mark.parametrize(
    ("peer", "admitted"), [("", False), ("10.20.1.1", False), ("nonsense", False), ("10.20.0.7", True)]
)
def test_where_networks_are_listed_only_their_members_are_heard(peer, admitted):
    settings = SETTINGS.model_copy(update={"callback_networks": ("10.20.0.0/24",)})
    if admitted:
        assert signals(body(ROW), settings=settings, peer=peer)
    else:
        with pytest.raises(errors.Misconfigured):
            signals(body(ROW), settings=settings, peer=peer)
