"""What operators see of Airflow's side: waves, and workflows that are paused there."""

from simpul.ledger import dispatch, transaction, waves


def test_a_wave_shows_its_members_and_how_its_run_ended(file, client, engine, clock):
    number = file().json()["number"]
    with transaction(engine) as connection:
        (queue,) = waves.queues(connection)
        wave = waves.claim(connection, queue, limit=10, now=clock.now())
    answer = client.get(f"/v1/waves/{wave.id}").json()
    assert answer["members"] == [{"number": number, "state": "in_wave"}]
    assert (answer["state"], answer["size"], answer["result"]) == ("claimed", 1, None)
    with transaction(engine) as connection:
        waves.give_back(connection, wave.id, result="success", strikes=3, now=clock.now())
    assert client.get(f"/v1/waves/{wave.id}").json()["result"] == "success"


def test_a_wave_that_the_ledger_does_not_know_is_not_found(client):
    answer = client.get("/v1/waves/wave_" + "0" * 32)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:simpul:problem:unknown-wave")


def test_a_workflow_that_is_paused_in_airflow_is_shown_so(client, engine, clock):
    with transaction(engine) as connection:
        dispatch.observe(connection, "birth", 1, "paused", now=clock.now())
    birth, passport = client.get("/v1/services").json()["services"]
    assert (birth["airflow"], passport["airflow"]) == ("paused", None)
