"""What a caller sees on the wire under each fault, and what a connector makes of it."""

import asyncio
import json
import random
import socket
import statistics

import pytest
import requests
from lxml import etree

from connectors import registry, sandbox_app
from connectors.dukcapil.requests import FamilyCardRequest, PersonQuery
from connectors.toolkit import asgi, errors
from connectors.toolkit.fault_scripts import FaultScriptError
from connectors.toolkit.faults import LatencyFault, malformed
from connectors.toolkit.population import Population
from connectors.toolkit.reshaping import NoSuchFieldError, reshaped

FAMILY = Population().family(5)
QUERY = PersonQuery(nik=FAMILY.father.nik)
CARD = FamilyCardRequest(nkk=FAMILY.nkk)
WIRE = {"NIK": FAMILY.father.nik, "USER_ID": "sandbox-user", "PASSWORD": "sandbox-password", "IP_USER": "10.99.0.1"}


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running(["dukcapil", "bpjs_kesehatan"]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    for agency in server.app.agencies.values():
        agency.reset()
    return server


@pytest.fixture
def dukcapil(sandbox):
    settings = sandbox.settings("dukcapil").model_copy(update={"call_deadline": 1.0})
    with registry.connect("dukcapil", settings) as connector:
        yield connector


def script(sandbox, *faults, **more):
    sandbox_app.script(sandbox.app, {"dukcapil": [{"faults": list(faults), **more}]})


def ask(sandbox):
    return requests.post(f"{sandbox.settings('dukcapil').base_url}/CALL_NIK", json=WIRE, timeout=10)


def test_a_cut_answer_announces_more_than_comes(sandbox):
    script(sandbox, {"kind": "cut", "after_bytes": 7})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="7 bytes read"):
        ask(sandbox)


def test_a_truncated_answer_is_whole_to_http_and_half_to_json(sandbox):
    whole = ask(sandbox).content
    script(sandbox, {"kind": "truncated"}, {"kind": "truncated", "keep": 3})
    assert ask(sandbox).content == whole[: len(whole) // 2]
    assert ask(sandbox).content == whole[:3]


def test_a_malformed_body_is_read_by_no_parser():
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(malformed(b'{"a": [1, 2]} '))
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(malformed(b"<a><b>1</b></a>"))


def test_a_web_page_comes_with_status_200_and_a_label_may_be_wrong(sandbox):
    script(sandbox, {"kind": "html"}, {"kind": "media_type", "media_type": "image/png"})
    page, labelled = ask(sandbox), ask(sandbox)
    assert (page.status_code, page.headers["content-type"], page.text[:15]) == (
        200,
        "text/html; charset=utf-8",
        "<!DOCTYPE html>",
    )
    assert (labelled.headers["content-type"], labelled.json()["numberOfElements"]) == ("image/png", 1)


@pytest.mark.parametrize(
    ("drift", "seen"),
    [
        ({"change": "renamed", "field": "content.0.NIK", "to": "NIK_16"}, (None, int(FAMILY.father.nik), 1)),
        ({"change": "missing", "field": "content.*.NIK"}, (None, None, 1)),
        ({"change": "retyped", "field": "numberOfElements", "to": "text"}, (int(FAMILY.father.nik), None, "1")),
        ({"change": "added", "field": "content.0.NIK", "to": "NIK_16"}, (int(FAMILY.father.nik), "BARU", 1)),
        ({"change": "missing", "field": "no.such.field"}, (int(FAMILY.father.nik), None, 1)),
    ],
)
def test_an_answers_shape_drifts_where_the_script_says(sandbox, drift, seen):
    script(sandbox, {"kind": "drift", **drift})
    answer = ask(sandbox).json()
    row = answer["content"][0]
    assert (row.get("NIK"), row.get("NIK_16"), answer["numberOfElements"]) == seen


def test_a_drift_without_a_field_is_chosen_by_the_seed():
    value = {"a": {"b": 1, "c": [{"d": 2}]}}
    once, again = [
        [reshaped(value, "missing", None, None, chance) for _ in range(8)] for chance in map(random.Random, (4, 4))
    ]
    assert once == again
    assert all(changed != value for changed in once)
    assert len({json.dumps(changed) for changed in once}) > 1
    assert value == {"a": {"b": 1, "c": [{"d": 2}]}}
    with pytest.raises(NoSuchFieldError):
        reshaped([], "missing", None, None, random.Random(4))


def test_an_answer_comes_twice_in_one_body_or_after_itself(sandbox):
    script(sandbox, {"kind": "duplicate", "of": "body"}, {"kind": "duplicate"})
    twice = ask(sandbox).content
    assert twice[: len(twice) // 2] == twice[len(twice) // 2 :]

    body = json.dumps(WIRE).encode()
    path = sandbox.settings("dukcapil").base_url.removeprefix(sandbox.url)
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rsplit(":", 1)[1])), timeout=10) as line:
        line.sendall(b"POST %s/CALL_NIK HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (path.encode(), len(body)))
        line.sendall(body)
        seen = b""
        while seen.count(b"HTTP/1.1 200") < 2:
            seen += line.recv(65536)


def test_a_slow_answer_comes_byte_by_byte(sandbox):
    whole = ask(sandbox).content
    script(sandbox, {"kind": "slow_loris", "every_ms": 0.01})
    with requests.post(
        f"{sandbox.settings('dukcapil').base_url}/CALL_NIK", json=WIRE, stream=True, timeout=10
    ) as response:
        assert response.raw.read(5) == whole[:5]
        assert len(response.raw.read()) == len(whole) - 5


@pytest.mark.parametrize("announced", [True, False])
def test_an_oversized_answer_is_as_large_as_the_script_says(sandbox, announced):
    script(sandbox, {"kind": "oversized", "size": 300_000, "announced": announced})
    answer = ask(sandbox)
    assert len(answer.content) == 300_000
    assert ("content-length" in answer.headers) == announced
    assert answer.json()["numberOfElements"] == 1


def test_a_fault_strikes_so_many_times_and_then_the_next_one_does(sandbox):
    script(sandbox, {"kind": "status", "status": 500, "times": 2}, {"kind": "status", "status": 502})
    assert [ask(sandbox).status_code for _ in range(4)] == [500, 500, 502, 200]
    script(sandbox, {"kind": "status", "status": 500, "times": 2}, {"kind": "status", "status": 502}, forever=True)
    assert [ask(sandbox).status_code for _ in range(6)] == [500, 500, 502, 500, 500, 502]


def test_a_fault_left_to_chance_strikes_the_same_requests_each_time(sandbox):
    seen = []
    for _ in range(2):
        sandbox.app.agencies["dukcapil"].reset()
        script(sandbox, {"kind": "status"}, probability=0.3, seed=11, forever=True)
        seen.append([ask(sandbox).status_code for _ in range(40)])
    assert seen[0] == seen[1]
    assert 3 < seen[0].count(503) < 25


def test_latencies_are_drawn_as_their_distribution_says():
    fixed, uniform, lognormal = (
        LatencyFault(kind="latency", seconds=0.2, **more)
        for more in ({}, {"distribution": "uniform", "to": 0.4}, {"distribution": "lognormal", "sigma": 1, "to": 2})
    )
    drawn = [
        [fault.drawn(chance) for _ in range(2000)]
        for fault in (fixed, uniform, lognormal)
        for chance in [random.Random(1)]
    ]
    assert set(drawn[0]) == {0.2}
    assert (min(drawn[1]) >= 0.2, max(drawn[1]) <= 0.4) == (True, True)
    assert statistics.median(drawn[2]) == pytest.approx(0.2, rel=0.1)
    assert max(drawn[2]) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "cut"}, errors.Retriable),
        ({"kind": "truncated"}, errors.BadData),
        ({"kind": "malformed"}, errors.BadData),
        ({"kind": "html"}, errors.Retriable),
        ({"kind": "duplicate", "of": "body"}, errors.BadData),
        ({"kind": "slow_loris", "every_ms": 100}, errors.Retriable),
        ({"kind": "oversized", "announced": False}, errors.BadData),
        ({"kind": "oversized"}, errors.BadData),
        ({"kind": "drift", "change": "missing", "field": "content.0.NIK"}, errors.BadData),
        ({"kind": "scripted", "name": "quota"}, errors.Misconfigured),
    ],
)
def test_a_connector_names_each_fault_by_what_to_do_next(sandbox, dukcapil, fault, kind):
    script(sandbox, fault)
    with pytest.raises(kind):
        dukcapil.get_person(QUERY)
    assert dukcapil.get_person(QUERY).nik == FAMILY.father.nik


def test_a_second_answer_is_never_taken_for_that_of_the_next_request(sandbox, dukcapil):
    script(sandbox, {"kind": "duplicate"}, forever=True)
    for person in (*FAMILY.members, *FAMILY.members):
        assert dukcapil.get_person(PersonQuery(nik=person.nik)).nik == person.nik


def test_a_clock_that_is_off_is_off_for_that_request_only(sandbox):
    sandbox_app.script(sandbox.app, {"bpjs_kesehatan": [{"faults": [{"kind": "scripted", "name": "clock_skew"}]}]})
    request = registry.connector_class("bpjs_kesehatan").operations()["get_membership"].request
    with registry.connect("bpjs_kesehatan", sandbox.settings("bpjs_kesehatan")) as connector:
        with pytest.raises(errors.Misconfigured):
            connector.get_membership(request(nik=FAMILY.father.nik))
        assert connector.get_membership(request(nik=FAMILY.father.nik)).nik == FAMILY.father.nik


def test_a_caller_who_has_gone_is_not_waited_for():
    messages = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    asyncio.run(asgi.gone(receive, 3600))
    assert list(messages) == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            {"faults": [{"kind": "status"}, {"kind": "gremlin"}]},
            "x.toml: dukcapil, entry 2, fault 2: Input tag 'gremlin'",
        ),
        (
            {"faults": [{"kind": "latency", "seconds": "long"}]},
            "x.toml: dukcapil, entry 2, fault 1 (latency), seconds: ",
        ),
        (
            {"faults": [{"kind": "latency", "distribution": "uniform"}]},
            "entry 2, fault 1 (latency): uniform needs `to`",
        ),
        ({"faults": [{"kind": "scripted", "name": "rain"}]}, "x.toml: dukcapil, entry 2, fault 1, name: no such fault"),
        ({"faults": []}, "x.toml: dukcapil, entry 2, faults: List should have at least 1 item"),
        ({"faults": [{"kind": "drop"}], "when": 1}, "x.toml: dukcapil, entry 2, when: Extra inputs"),
    ],
)
def test_a_script_that_is_wrong_is_told_by_file_entry_and_field(sandbox, entry, problem):
    good = {"faults": [{"kind": "drop"}]}
    with pytest.raises(FaultScriptError) as caught:
        sandbox_app.script(sandbox.app, {"dukcapil": [good, entry]}, "x.toml")
    assert problem in str(caught.value)
    refused = requests.post(f"{sandbox.url}/_sandbox/dukcapil/faults", json=[good, entry], timeout=10)
    assert refused.status_code == 422
    assert problem.removeprefix("x.toml: dukcapil, ") in refused.json()["message"]
    assert ask(sandbox).status_code == 200


def test_a_script_for_an_agency_that_is_not_served_is_refused(sandbox):
    with pytest.raises(
        FaultScriptError, match=r"x\.toml: djp: no such agency here; there are dukcapil, bpjs_kesehatan"
    ):
        sandbox_app.script(sandbox.app, {"djp": []}, "x.toml")


def test_a_star_scripts_every_agency_and_delete_ends_it(sandbox):
    sandbox_app.script(sandbox.app, {"*": [{"faults": [{"kind": "status"}], "forever": True}]})
    assert ask(sandbox).status_code == 503
    assert requests.delete(f"{sandbox.url}/_sandbox/dukcapil/faults", timeout=10).status_code == 200
    assert ask(sandbox).status_code == 200
