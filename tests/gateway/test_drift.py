"""What gateways keep of answers' shapes, and what the nightly watch makes of it."""

import json
import shutil

import pytest

from connectors import drift, registry, sandbox_app
from connectors.toolkit.errors import BadData
from simpul.gateway.contract_watch import ContractWatch
from simpul.gateway.sampling import Sampler
from simpul.ledger import connect, shapes, transaction
from simpul.ledger.attempts import Attempts, UnavailableError
from simpul.workflow import drift_watch


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The agencies' folders, copied: what is recorded here stays here."""
    real = registry.folder

    def copied(agency):
        there = tmp_path / agency
        if not there.exists():
            shutil.copytree(real(agency), there)
        return there

    monkeypatch.setattr(registry, "folder", copied)
    return copied


def incidents(settings):
    with transaction(connect(settings.database_url, pool_size=1)) as connection:
        from sqlalchemy import text

        rows = connection.execute(text("SELECT agency, diagnosis, resolved_at FROM incident WHERE kind = 'drift'"))
        return [(row.agency, row.diagnosis["en"], row.resolved_at) for row in rows]


@pytest.mark.kafka
def test_a_gateway_samples_shapes_and_the_watch_finds_what_has_changed(bench, folder, monkeypatch):
    with bench.gateway():
        bench.outcome(bench.ask_person(0))
    with transaction(connect(bench.settings.database_url, pool_size=1)) as connection:
        (seen,) = shapes.latest(connection)
    assert (seen.agency, seen.operation) == ("dukcapil", "get_person")
    assert "content[].NIK" in seen.shape
    assert bench.family(0).father.nik not in json.dumps(seen.shape)

    monkeypatch.setenv("SIMPUL_DATABASE_URL", bench.settings.database_url)
    drift.record("dukcapil", {"get_person": seen.shape})
    assert drift_watch.look() == {}
    assert incidents(bench.settings) == []

    field = seen.shape.pop("content[].NAMA_LGKP")
    drift.record("dukcapil", {"get_person": {**seen.shape, "content[].NAMA": field}})
    assert drift_watch.look()["dukcapil"] == [
        "get_person: content[].NAMA is missing (was string); touches get_person",
        "get_person: content[].NAMA_LGKP is new (string); touches get_person",
    ]
    drift_watch.look()
    ((agency, said, resolved),) = incidents(bench.settings)
    assert (agency, resolved) == ("dukcapil", None)
    assert "content[].NAMA_LGKP is new" in said

    seen.shape["content[].NAMA_LGKP"] = field
    drift.record("dukcapil", {"get_person": seen.shape})
    drift_watch.look()
    assert incidents(bench.settings)[0][2]


def test_a_published_contract_that_changed_is_kept_and_told(database_url, settings, folder, monkeypatch):
    from datetime import timedelta

    configuration = settings()
    attempts = Attempts(database_url, "simponi", "test", timedelta(seconds=30))
    monkeypatch.setenv("SIMPUL_DATABASE_URL", database_url)
    with (
        sandbox_app.running(["simponi"]) as server,
        registry.connect("simponi", server.settings("simponi")) as connector,
    ):
        watch = ContractWatch(connector, attempts, configuration.clock)
        watch.once()
        assert drift_watch.look() == {"simponi": []}

        pinned = folder("simponi") / "SimponiBRI_Service.wsdl"
        pinned.write_bytes(pinned.read_bytes().replace(b'name="NamaWajibBayar"', b'name="NamaWP"', 1))
        watch.once()
    attempts.close()
    said = " ".join(drift_watch.look()["simponi"])
    assert "NamaWajibBayar" in said
    assert "touches create_bill, get_bill" in said
    assert [agency for agency, _, resolved in incidents(configuration) if resolved is None] == ["simponi"]


def test_one_call_in_a_while_is_looked_at_and_what_cannot_be_stored_is_dropped():
    stored = []

    def store(found):
        stored.append(found)
        raise UnavailableError("away")

    sampler = Sampler(store, every=3600)
    from connectors.toolkit import transport

    for body in (b'{"a": 1}', b'{"b": 1}'):
        with sampler.watching("op"):
            getattr(transport._here, "watch", None) and transport._here.watch(body)
    sampler.flush()
    assert stored == []
    sampler.flush(at_once=True)
    sampler.flush(at_once=True)
    assert [list(found["op"]) for found in stored] == [["", "a"]]


def test_a_call_that_fails_leaves_no_sample():
    stored = []
    sampler = Sampler(stored.append)
    with pytest.raises(BadData), sampler.watching("op"):
        raise BadData("X", diagnosis=None)
    sampler.flush(at_once=True)
    assert stored == []
