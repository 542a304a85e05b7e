"""POST /v1/callbacks/simponi: stored before it is acknowledged, and nothing but a prompt to ask."""

import pytest
from sqlalchemy import text

from simpul.console import callbacks
from simpul.ledger import transaction

CODE = "820260302000001"
ROW = {"usr_id_SIMPONI": "u", "kode_billing_SIMPONI": CODE, "NTPN": "ABC123", "bank_persepsi": "BRI"}


@pytest.fixture
def simponi(monkeypatch):
    """SIMPONI's settings as the environment has them; `simponi(callback_secret="s")` changes one."""

    def configure(**values):
        known = {
            "base_url": "http://127.0.0.1:1/simponi",
            "user_id": "u",
            "password": "p",
            "ministry_code": "013",
            "unit_code": "06",
            "office_code": "999999",
            "regulation_code": "2019028",
            "account_code": "425211",
        }
        for name, value in (known | values).items():
            monkeypatch.setenv(f"SIMPUL_SIMPONI_{name.upper()}", value)
        callbacks._settings.cache_clear()

    configure()
    yield configure
    callbacks._settings.cache_clear()


def push(client, *rows, **headers):
    return client.post("/v1/callbacks/simponi", json=list(rows), headers=headers)


def signals(engine):
    with transaction(engine) as connection:
        return connection.execute(text("SELECT * FROM signal")).all()


def test_a_payment_push_is_stored_blinded_and_acknowledged_without_a_key(anonymous, engine, configuration, simponi):
    answer = push(anonymous, ROW)
    assert answer.status_code == 200
    assert answer.json()[0]["status"] == 3
    (stored,) = signals(engine)
    assert (stored.kind, stored.source) == ("payment", "simponi")
    assert stored.reference == configuration.keys.blind(CODE)
    assert CODE not in str(stored)


def test_a_repeated_push_is_one_signal(anonymous, engine, simponi):
    push(anonymous, ROW)
    assert push(anonymous, ROW).json()[0]["status"] == 2
    assert len(signals(engine)) == 1


def test_a_push_without_the_shared_secret_is_refused(anonymous, engine, simponi):
    simponi(callback_secret="s3cret-of-sixteen")
    assert push(anonymous, ROW).status_code == 401
    assert signals(engine) == []
    assert push(anonymous, ROW, **{"X-Callback-Secret": "s3cret-of-sixteen"}).status_code == 200


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_an_empty_or_short_shared_secret_admits_nobody(anonymous, engine, simponi, tmp_path, content):
    (tmp_path / "secret").write_text(content)
    simponi(callback_secret_file=str(tmp_path / "secret"))
    for headers in ({}, {"X-Callback-Secret": content.strip()}):
        assert push(anonymous, ROW, **headers).status_code == 503
    assert signals(engine) == []


def test_a_sender_cannot_claim_another_address(anonymous, engine, simponi):
    simponi(callback_networks='["10.20.0.0/24"]')
    assert push(anonymous, ROW, **{"X-Simpul-Peer": "10.20.0.1"}).status_code == 401
    assert signals(engine) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'[{"kode_billing_SIMPONI": "9974014101900001"}]', b"\xff"])
def test_a_push_that_does_not_follow_the_contract_is_refused_and_not_repeated(anonymous, engine, simponi, body):
    answer = anonymous.post("/v1/callbacks/simponi", content=body)
    assert answer.status_code == 422
    assert "9974014101900001" not in answer.text
    assert signals(engine) == []


@pytest.mark.parametrize("agency", ["dukcapil", "nobody", "toolkit"])
def test_an_agency_that_makes_no_calls_is_404(anonymous, agency):
    assert anonymous.post(f"/v1/callbacks/{agency}").status_code == 404


def test_a_callback_that_is_not_set_up_says_so_to_us_and_little_to_the_caller(anonymous, simponi, monkeypatch):
    monkeypatch.delenv("SIMPUL_SIMPONI_PASSWORD")
    callbacks._settings.cache_clear()
    answer = push(anonymous, ROW)
    assert answer.status_code == 503
    assert "PASSWORD" not in answer.text
