import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.oss import mapping, receive, sandbox, verdicts
from connectors.oss.wire import unwrapped
from connectors.toolkit import errors
from connectors.toolkit.callback import Handled
from schemas.business import STATUSES, BusinessFiling, LicenceStatus

SETTINGS = sandbox.settings("http://127.0.0.1:1")
NOON = datetime(2026, 2, 1, 5, tzinfo=UTC)


def call(at=NOON, number=2, **changes):
    made = sandbox.CALLS["receive_nib"](SETTINGS, at, number)
    if changes:
        message = json.loads(made.body)
        message["dataNIB"] |= changes
        made = replace(made, body=json.dumps(message).encode())
    return made


def take(received):
    return receive.take(received, SETTINGS)


def test_a_nib_files_an_application_with_the_documented_form():
    (filing,) = take(call()).filings

    assert (filing.service, filing.form["nib"]) == ("business", "9900000001001")
    assert filing.form["npwp"] == "0990000010999000"
    assert filing.form["projects"][0].keys() == {"id_proyek", "kbli", "scale", "risk"}
    assert filing.form["checklist"][0]["checked"] is True
    assert BusinessFiling.model_validate(filing.form).model_dump(mode="json", exclude_none=True) == filing.form
    assert filing.form["nib"] not in filing.key


def test_blanks_in_every_form_are_left_out():
    changes = {"kd_izin": " ", "kd_daerah": "", "npwp_perseroan": None, "penanggung_jwb": " ", "data_checklist": None}
    (filing,) = take(call(**changes)).filings

    assert filing.form.keys() == {"nib", "oss_id", "id_izin", "name", "projects", "checklist"}


def test_the_same_again_is_the_same_application_and_another_licence_is_another():
    first, again, other = (
        take(one).filings[0].key
        for one in (call(), call(nama_perseroan="PT Lain"), call(id_izin="I-9900000000000000000000X"))
    )

    assert first == again != other


def test_the_token_is_the_contracts_sha1():
    assert receive.token("u", "p", "9900000000001", "20260201") == hashlib.sha1(b"up990000000000120260201").hexdigest()  # noqa: S324


@pytest.mark.parametrize(
    ("signed", "received", "good"),
    [
        ("2026-02-01T16:55:00", "2026-02-01T17:05:00", True),
        ("2026-02-01T16:55:00", "2026-02-01T17:15:00", False),
        ("2026-02-01T17:05:00", "2026-02-01T16:55:00", True),
        ("2026-02-01T05:00:00", "2026-02-02T05:00:00", False),
    ],
)
def test_yesterdays_token_is_good_around_midnight_in_jakarta_only(signed, received, good):
    signed, received = (datetime.fromisoformat(f"{moment}+00:00") for moment in (signed, received))
    made = replace(call(signed), at=received)
    if good:
        assert take(made).filings
    else:
        with pytest.raises(errors.Misconfigured):
            take(made)


@pytest.mark.parametrize("headers", [{}, {"token": ""}, {"token": "0" * 40}, {"token": "ä"}])
def test_a_wrong_token_is_refused_in_oss_own_shape(headers):
    with pytest.raises(errors.Misconfigured) as caught:
        take(replace(call(), headers=headers))

    reply = receive.refuse(call(), caught.value)
    assert reply.status == 401
    assert json.loads(reply.body)["responreceiveNIB"]["status"] == "2"


def test_a_token_of_one_nib_does_not_do_for_another():
    with pytest.raises(errors.Misconfigured):
        take(call(nib="9900000002001"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"dataNIB": 1}', b"[" * 100_000, b'{"dataNIB": []}'])
def test_what_is_not_the_message_is_bad_data(body):
    with pytest.raises(errors.BadData):
        take(replace(call(), body=body))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"oss_id": "short"}, "oss_id"),
        ({"nama_perseroan": " "}, "nama_perseroan"),
        ({"data_proyek": "many"}, "data_proyek"),
        ({"npwp_perseroan": "12345"}, "npwp_perseroan"),
    ],
)
def test_errors_name_the_field_and_never_what_was_sent(changes, field):
    with pytest.raises(errors.BadData) as caught:
        take(call(**changes))

    assert caught.value.field == field
    assert not any(str(value) in f"{caught.value} {caught.value.detail}" for value in changes.values() if value != " ")


def test_the_answer_says_1_also_when_it_is_known_and_2_with_the_fields_that_do_not_fit():
    taken = take(call())
    key = taken.filings[0].key

    said = [
        json.loads(receive.answer(taken, handled).body)["responreceiveNIB"]
        for handled in (Handled(new=frozenset({key})), Handled(), Handled(unfit={key: ("kd_izin",)}))
    ]

    assert [one["status"] for one in said] == ["1", "1", "2"]
    assert "kd_izin" in said[2]["keterangan"]


@pytest.mark.parametrize(
    "answer", [{"kode": 200}, {"x": {"kode": 200}}, {"meta": None, "responsecheckStatusLicense": {"kode": 200}}]
)
def test_the_wrapper_is_found_by_its_shape(answer):
    assert unwrapped(answer) == {"kode": 200}


@pytest.mark.parametrize("answer", [None, [], {}, "kode", {"x": []}, {"x": {"code": 1}}])
def test_an_answer_without_a_code_is_bad_data(answer):
    with pytest.raises(errors.BadData):
        unwrapped(answer)


@pytest.mark.parametrize(
    ("code", "kind"), [("401", "misconfigured"), ("404", "misconfigured"), ("500", "retriable"), ("777", "bad_data")]
)
def test_codes_are_named_by_what_to_do_next(code, kind):
    assert verdicts.refusal(code, asked=True).kind == kind


def test_every_status_has_a_meaning_and_the_clock_obeys_four_of_them():
    assert set(STATUSES) == set(LicenceStatus.__args__)
    clocks = {code: meaning.clock for code, meaning in STATUSES.items() if meaning.clock != "runs"}
    assert clocks == {"41": "stops", "42": "resumes", "43": "resets", "44": "resets"}
    assert {code for code, meaning in STATUSES.items() if meaning.end == "granted"} == {"50", "57", "58"}


@pytest.mark.parametrize(
    ("written", "read"),
    [("", None), (" ", None), (None, None), ("0", None), ("99.000.001-0.999.000", "0990000010999000")],
)
def test_a_tax_number_is_read_in_every_form(written, read):
    assert mapping.npwp(written) == read


def test_a_nib_that_no_encoding_can_write_is_a_strangers_and_no_mistake_of_ours():
    made = replace(call(), body=b'{"dataNIB": {"nib": "\\ud800"}}')

    with pytest.raises(errors.Misconfigured):
        take(made)
