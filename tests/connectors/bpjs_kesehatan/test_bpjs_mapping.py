from datetime import UTC, date, datetime

import pytest

from connectors.bpjs_kesehatan import mapping, verdicts, wire
from connectors.bpjs_kesehatan.requests import NewbornEnrolment
from connectors.toolkit import errors

MEMBER = {
    "noKartu": "0009900000001",
    "nik": "9974014101900001",
    "nama": "CONTOH",
    "sex": "P",
    "tglLahir": "1990-01-01",
    "tglTMT": "2014-01-01",
    "tglTAT": "",
    "statusPeserta": {"kode": "0", "keterangan": "AKTIF"},
    "hakKelas": {"kode": "1", "keterangan": "KELAS I"},
    "jenisPeserta": {"kode": "14", "keterangan": "PEKERJA MANDIRI"},
    "provUmum": {"kdProvider": None, "nmProvider": None},
    "informasi": {"dinsos": None},
}


def member(**changes):
    return wire.Membership.model_validate({"peserta": MEMBER | changes})


def test_an_active_member_has_no_reason_to_give():
    membership = mapping.membership(member())
    assert (membership.status, membership.status_reason) == ("active", None)
    assert (membership.valid_from, membership.valid_until) == (date(2014, 1, 1), None)
    assert (membership.care_class, membership.member_type) == ("KELAS I", "PEKERJA MANDIRI")
    assert membership.facility is None


def test_an_inactive_member_keeps_the_agencys_own_misspelled_reason():
    membership = mapping.membership(member(statusPeserta={"kode": "9", "keterangan": "NON AKTIF KARNA PREMI"}))
    assert (membership.status, membership.status_reason) == ("inactive", "NON AKTIF KARNA PREMI")


def test_a_number_that_lost_its_leading_zeros_gets_them_back():
    assert mapping.membership(member(noKartu=9900000001)).number == "0009900000001"


@pytest.mark.parametrize("blank", ["", "-", "0000-00-00", None])
def test_every_way_to_leave_a_date_blank_is_none(blank):
    assert mapping.day(blank, "tglTAT") is None


def test_an_unreadable_date_is_bad_data_that_names_the_field_and_not_the_value():
    with pytest.raises(errors.BadData) as bad:
        mapping.day("31-31-2020", "tglTAT")
    assert bad.value.field == "tglTAT"
    assert "2020" not in str(bad.value)


def test_the_day_asked_about_is_the_day_it_is_in_jakarta():
    assert mapping.service_day(None, datetime(2026, 1, 1, 18, 0, tzinfo=UTC)) == "2026-01-02"
    assert mapping.service_day(date(2026, 5, 1), datetime(2026, 1, 1, tzinfo=UTC)) == "2026-05-01"


def test_an_enrolment_carries_our_reference_under_the_agencys_names():
    request = NewbornEnrolment(
        nik="9974010101260001", name="BAYI", birth_date=date(2026, 1, 1), sex="female", nkk="9974010101900002"
    )
    body = wire.enveloped(mapping.newborn(request, reference="our-reference", user="simpul"))
    assert body == {
        "request": {
            "t_peserta": {
                "noReferensi": "our-reference",
                "nik": "9974010101260001",
                "nama": "BAYI",
                "tglLahir": "2026-01-01",
                "sex": "P",
                "noKK": "9974010101900002",
                "user": "simpul",
            }
        }
    }


@pytest.mark.parametrize("name", ["metaData", "metadata"])
@pytest.mark.parametrize("code", ["200", 200])
def test_both_spellings_of_the_envelope_and_both_kinds_of_code_are_read(name, code):
    answer = wire.Answer.model_validate({name: {"code": code, "message": "OK"}, "response": None})
    assert verdicts.verdict(answer.meta) is None


@pytest.mark.parametrize(
    ("code", "message", "kind", "named"),
    [
        ("201", "Data Peserta Tidak Ditemukan", errors.Rejected, "NOT_FOUND"),
        ("201", "NIK tidak terdaftar di data Dukcapil", errors.Rejected, "NIK_NOT_IN_DUKCAPIL"),
        ("201", "Peserta sudah terdaftar", errors.Rejected, "ALREADY_MEMBER"),
        ("201", "Kepesertaan ibu non aktif", errors.Rejected, "FAMILY_NOT_ACTIVE"),
        ("201", "Sesuatu yang lain", errors.Rejected, "201"),
        ("401", "Signature tidak sesuai", errors.Misconfigured, "401"),
        ("401", "Timestamp expired", errors.Misconfigured, "CLOCK"),
        ("429", "", errors.Retriable, "429"),
        ("500", "", errors.Retriable, "500"),
        ("400", "", errors.BadData, "400"),
        ("777", "", errors.BadData, "777"),
    ],
)
def test_every_verdict_is_named_by_what_to_do_next(code, message, kind, named):
    error = verdicts.verdict(wire.MetaData(code=code, message=message))
    assert type(error) is kind
    assert error.code == named


def test_a_refusal_with_clocks_far_apart_names_the_clock_whatever_its_wording():
    error = verdicts.verdict(wire.MetaData(code="401", message="Unauthorized"), skew=-900.0)
    assert error.code == "CLOCK"
    assert "clock" in error.diagnosis.en
    assert "900 s ahead of" in error.detail


def test_a_refusals_detail_never_repeats_a_number_from_the_agencys_message():
    error = verdicts.verdict(wire.MetaData(code="201", message="NIK 9974014101900001 bermasalah"))
    assert "9974014101900001" not in f"{error} {error.detail}"


@pytest.mark.parametrize("code", ["201", "2 NIK 9974014101900001 SITI", "9974014101900001"])
def test_nothing_that_the_agency_wrote_gets_into_an_error(code):
    error = verdicts.verdict(wire.MetaData(code=code, message="Ibu SITI CONTOH bermasalah"))
    told = f"{error} {error.code} {error.detail} {error.__dict__}"
    assert "SITI" not in told
    assert "bermasalah" not in told
    assert "9974014101900001" not in told
