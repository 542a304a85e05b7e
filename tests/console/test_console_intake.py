"""POST /v1/applications."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from simpul.crypto import digest
from simpul.ledger import queries, transaction

NIK = "9974014101900001"
FULL = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def test_an_application_is_filed_and_ready_to_be_driven(file, engine, clock):
    answer = file()
    assert answer.status_code == 201
    number = answer.json()["number"]
    assert answer.headers["Location"] == answer.json()["url"] == f"/v1/applications/{number}"
    assert answer.json()["display"].replace("-", "") == number
    with transaction(engine) as connection:
        row = connection.execute(text("SELECT * FROM application")).one()
        (event,) = queries.timeline(connection, number)
    assert (row.number, row.state, row.next_step, row.received_by) == (number, "runnable", "parents", "counter-1")
    assert (row.received_at, row.since, row.version) == (clock.now(), clock.now(), 1)
    assert (event.action, event.actor, event.state, event.digest) == (
        "application.received",
        "counter-1",
        "runnable",
        digest(row.form),
    )


def test_the_form_rests_sealed_under_the_application_s_own_key(file, engine, configuration, good):
    file()
    with transaction(engine) as connection:
        row = connection.execute(text("SELECT * FROM application")).one()
        everything = str(connection.execute(text("SELECT * FROM application, event")).all())
    keys = configuration.keys
    assert row.subject == keys.blind(row.number)
    assert json.loads(keys.data_key(row.data_key, row.subject).open(row.form, "form:1")) == good
    assert NIK not in everything
    assert "Dewi" not in everything


def test_the_same_request_with_the_same_key_is_one_application(file, engine):
    first, second = file(idempotency="k1"), file(idempotency="k1")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    with transaction(engine) as connection:
        assert (
            connection.execute(text("SELECT count(*) FROM event WHERE action = 'application.received'")).scalar() == 1
        )


def test_the_order_of_fields_does_not_make_it_another_request(file, good):
    first = file(good, idempotency="k1")
    assert file(dict(reversed(good.items())), idempotency="k1").json() == first.json()


def test_the_same_key_with_another_request_is_refused_with_advice(file, good):
    number = file(idempotency="k1").json()["number"]
    answer = file(good | {"enrol": False}, idempotency="k1")
    assert answer.status_code == 409
    assert answer.json()["number"] == number
    assert "send a new key for a new application" in answer.json()["detail"]


def test_two_counters_may_use_the_same_idempotency_key(file, client, key, good):
    first = file(idempotency="k1")
    client.headers["X-API-Key"] = key("counter-2", "intake")
    assert file(good | {"enrol": False}, idempotency="k1").json()["number"] != first.json()["number"]


def test_requests_without_a_key_are_each_an_application(file):
    assert file().json()["number"] != file().json()["number"]


def test_the_same_request_sent_at_once_by_many_is_one_application(file):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: file(idempotency="k1"), range(16)))
    assert len({answer.json()["number"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]


def test_a_repeat_is_answered_although_the_form_was_corrected_since(file, engine, clock):
    from datetime import timedelta

    from simpul.ledger.definitions import publish

    first = file(idempotency="k1")
    birth = _published(engine, "birth")
    stricter = birth.model_copy(update={"form": birth.form | {"required": ["nik", "child", "email"]}})
    with transaction(engine) as connection:
        assert publish(connection, stricter, actor="user:test", now=clock.now()) == "corrected"
    clock.turn(timedelta(seconds=3))
    assert file().status_code == 422
    assert file(idempotency="k1").json() == first.json()


def _published(engine, service):
    with transaction(engine) as connection:
        return next(one for one in queries.published(connection) if one.service == service)


def test_an_application_goes_to_the_newest_version_unless_one_is_named(file, engine, clock):
    from simpul.ledger.definitions import publish

    second = _published(engine, "birth").model_copy(update={"version": 2})
    with transaction(engine) as connection:
        publish(connection, second, actor="user:test", now=clock.now())
    file()
    file(version=1)
    with transaction(engine) as connection:
        versions = connection.execute(text("SELECT version FROM application ORDER BY number")).scalars().all()
    assert versions == [2, 1]


@pytest.mark.parametrize("changes", [{"service": "divorce"}, {"version": 7}])
def test_an_unknown_service_is_404_and_lists_nothing(file, changes):
    answer = file(**changes)
    assert answer.status_code == 404
    assert "passport" not in answer.text
    assert "birth" not in answer.text


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"nik": "12"}, "/form/nik", "must be 16 digits"),
        ({"nik": int(NIK)}, "/form/nik", "must be text"),
        ({"child": {"birth_date": "2026-02-28"}}, "/form/child/name", "is required"),
        ({"child": {"name": "X", "birth_date": "2026-02-30"}}, "/form/child/birth_date", "a date that exists"),
        ({"child": {"name": "X", "birth_date": "2026-02-28", "sex": "x"}}, "/form/child/sex", "one of: female, male"),
        ({"child": {"name": "X", "birth_date": "2026-02-28", "grams": 1}}, "/form/child/grams", "at least 200"),
        ({"child": {"name": "X", "birth_date": "2026-02-28", "given": ["a"] * 4}}, "/form/child/given", "at most 3"),
        (
            {"child": {"name": "X", "birth_date": "2026-02-28", "given": ["a", 7]}},
            "/form/child/given/1",
            "must be text",
        ),
        (
            {"child": {"name": "X", "birth_date": "2026-02-28", "born_at": "noon"}},
            "/form/child/born_at",
            "with its zone",
        ),
        ({"father": "12"}, "/form/father", "must be 16 digits"),
        ({"father": 7}, "/form/father", "must be text"),
        ({"email": "nobody"}, "/form/email", "an e-mail address"),
        ({"mother": NIK}, "/form", "has 1 field that this form does not know"),
        ({NIK: NIK}, "/form", "has 1 field that this form does not know"),
        ({"child": "Dewi"}, "/form/child", "must be an object with fields"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_wrong_and_never_its_value(file, good, change, pointer, words):
    answer = file(good | change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert words in error["message"]["en"]
    assert error["message"]["id"]
    for value in (NIK, "Dewi", "nobody", "noon"):
        assert value not in answer.text


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"nik": f"{NIK}\n"}, "/form/nik", "must be 16 digits"),
        ({"father": f"{NIK}\n"}, "/form/father", "must be 16 digits"),
        ({"email": "   "}, "/form/email", "nothing but blanks"),
        ({"email": "nobody@example.org\0"}, "/form/email", "a NUL character"),
        ({"child": {"name": "\t\u00a0", "birth_date": "2026-02-28"}}, "/form/child/name", "nothing but blanks"),
        ({"child": {"name": "Dewi\0", "birth_date": "2026-02-28"}}, "/form/child/name", "a NUL character"),
        ({"child": {"name": "X", "birth_date": "2026-02-28\n"}}, "/form/child/birth_date", "a date that exists"),
        (
            {"child": {"name": "X", "birth_date": "2026-02-28", "given": ["a", " "]}},
            "/form/child/given/1",
            "nothing but blanks",
        ),
    ],
)
def test_what_only_looks_right_does_not_pass(file, good, change, pointer, words):
    answer = file(good | change)
    assert answer.status_code == 422
    found = {error["pointer"]: error["message"]["en"] for error in answer.json()["errors"]}
    assert words in found[pointer]
    for value in (NIK, "Dewi", "nobody"):
        assert value not in answer.text


def test_all_wrong_fields_are_named_at_once(file):
    answer = file({"child": {}})
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "/form/nik",
        "/form/child/name",
        "/form/child/birth_date",
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"channel": "counter", "form": {}}, "/service"),
        ({"service": "birth", "channel": "pigeon", "form": {}}, "/channel"),
        ({"service": "birth", "channel": "web", "form": [NIK]}, "/form"),
        ({"service": "birth", "channel": "web", "form": {}, "version": 0}, "/version"),
        ({"service": NIK, "channel": "web", "form": {}}, "/service"),
        ({"service": "birth", "channel": "web", "form": {}, NIK: NIK}, ""),
        ([NIK], ""),
    ],
)
def test_a_malformed_request_is_422_and_names_the_member(client, body, pointer):
    answer = client.post("/v1/applications", json=body)
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert NIK not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b'{"form": NaN}',
        b'{"form": 1e999}',
        b"[" * 5000 + b"]" * 5000,
        b'{"form": "\\ud800"}',
        b'{"form": ' + b"9" * 6000 + b"}",
    ],
)
def test_what_is_not_json_is_400(client, body):
    answer = client.post("/v1/applications", content=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just(NIK),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just(NIK), inner, max_size=4),
    max_leaves=12,
)
FORMS = st.fixed_dictionaries(
    {},
    optional={
        "nik": JSON,
        "email": JSON,
        "enrol": JSON,
        "father": JSON,
        NIK: JSON,
        "child": JSON
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(("name", "birth_date", "sex", "grams", "given", "born_at", NIK), JSON),
        ),
    },
)


@FULL
@given(form=JSON | FORMS)
def test_no_form_breaks_the_console_or_comes_back(file, form):
    answer = file(form)
    assert answer.status_code in (201, 400, 422)
    assert NIK not in answer.text


@FULL
@given(body=JSON, service=st.text() | st.sampled_from(["birth", "passport", NIK]), version=JSON, channel=JSON)
def test_no_body_breaks_the_console_or_comes_back(client, body, service, version, channel):
    for content in (body, {"service": service, "version": version, "channel": channel, "form": body}):
        answer = client.post("/v1/applications", content=json.dumps(content))
        assert answer.status_code in (201, 400, 404, 422)
        assert NIK not in answer.text


@FULL
@given(body=st.binary(max_size=200))
def test_no_bytes_break_the_console(client, body):
    assert client.post("/v1/applications", content=body).status_code in (400, 422)


@FULL
@given(
    idempotency=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300),
    traceparent=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300),
)
def test_no_header_breaks_the_console(client, good, idempotency, traceparent):
    answer = client.post(
        "/v1/applications",
        json={"service": "birth", "channel": "web", "form": good},
        headers={"Idempotency-Key": idempotency, "traceparent": traceparent},
    )
    assert answer.status_code in (200, 201, 422)


def test_the_citizen_s_trace_goes_on_in_the_application(client, engine, good):
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    client.post(
        "/v1/applications",
        json={"service": "birth", "channel": "web", "form": good},
        headers={"traceparent": parent},
    )
    with transaction(engine) as connection:
        stored = connection.execute(text("SELECT traceparent FROM application")).scalar()
    assert stored.split("-")[1] == "a" * 32
    assert stored != parent


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_one_mebibyte_is_413(client, chunked):
    body = b" " * (1024 * 1024 + 1)
    answer = client.post("/v1/applications", content=iter([body[:600_000], body[600_000:]]) if chunked else body)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_one_mebibyte_is_read(client):
    assert client.post("/v1/applications", content=b" " * (1024 * 1024)).status_code == 400


CONTACT = {"channel": "whatsapp", "recipient": "0812-0000-0001", "language": "en"}


def test_the_contact_rests_sealed_beside_the_form(file, engine, configuration):
    number = file(contact=CONTACT).json()["number"]
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT subject, data_key, contact FROM application WHERE number = :n"), {"n": number}
        ).one()
    assert b"0812" not in row.contact
    plain = configuration.keys.data_key(bytes(row.data_key), row.subject).open(bytes(row.contact), "contact")
    assert json.loads(plain) == CONTACT


@pytest.mark.parametrize(
    "contact",
    [
        CONTACT | {"recipient": "12"},
        CONTACT | {"recipient": "not a number"},
        CONTACT | {"channel": "email"},
        CONTACT | {"channel": "email", "recipient": "a@b.id\nBcc: c@d.id"},
        CONTACT | {"channel": "post"},
        CONTACT | {"language": "fr"},
        {"channel": "sms"},
        "0812",
    ],
)
def test_a_contact_that_cannot_be_told_is_refused_while_the_citizen_is_there(file, contact):
    answer = file(contact=contact)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/contact"]
    assert "b.id" not in answer.text
    assert "not a number" not in answer.text


def test_the_same_key_with_another_contact_is_another_request(file):
    assert file(idempotency="k", contact=CONTACT).status_code == 201
    assert file(idempotency="k", contact=CONTACT).status_code == 200
    assert file(idempotency="k").status_code == 409


def test_only_a_key_of_the_scope_priority_files_for_the_vulnerable(file, client, key, engine, configuration):
    assert file(vulnerable="disabled").status_code == 403
    client.headers["X-API-Key"] = key("front-office", "intake", "read", "priority")
    assert file(vulnerable="rich").status_code == 422
    first = file(idempotency="k", vulnerable="disabled")
    assert (first.status_code, file(idempotency="k", vulnerable="disabled").status_code) == (201, 200)
    assert file(idempotency="k", vulnerable="child").status_code == 409
    number = first.json()["number"]
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT subject, data_key, priority, ground, received_at - turn_at AS ahead FROM application WHERE number = :n"
            ),
            {"n": number},
        ).one()
    assert (row.priority, row.ahead) == (1, timedelta(hours=4))
    plain = configuration.keys.data_key(bytes(row.data_key), row.subject).open(bytes(row.ground), "ground")
    assert plain == b"disabled"
    timeline = client.get(f"/v1/applications/{number}/events")
    assert [event["action"] for event in timeline.json()["events"]] == [
        "application.received",
        "application.prioritised",
    ]
    assert "disabled" not in timeline.text
    assert file().status_code == 201
