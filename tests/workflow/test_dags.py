"""The workflows of this repository fit the connectors they call: every request they build is one the agency's model takes."""

from pathlib import Path
from typing import Any

import pytest

from connectors import catalogue
from connectors.registry import connector_class
from schemas.base import Record
from schemas.decisions import Answers, Decision
from schemas.documents import IssuedDocument
from simpul import expressions
from simpul.definition import Definition, StepDefinition
from simpul.papers import notices
from simpul.papers.documents import DocumentTemplate
from simpul.papers.notices import NoticeTemplate

OURS: dict[str, type[Record]] = {"officer": Decision, "citizen": Answers, "document": IssuedDocument}
"""Records that no agency brings, by kind of step."""
EXCERPT = {
    "number": "99-26-000000001-7/1",
    "title": "Kutipan Akta Kelahiran",
    "issuer": "Dinas Contoh",
    "template": "birth_deed",
    "issued_at": "2026-01-06T10:00:00+07:00",
    "check_url": "https://mpp.example/check/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sha256": "0" * 64,
    "size": 9,
    "content": "JVBERi0xLjcK",
}
CONTACT = {"channel": "whatsapp", "recipient": "081200000001", "language": "id"}
FATHER, CHILD, NKK = "9974014101900001", "9974010501260001", "9974010101900002"
PERSON = {"nik": FATHER, "name": "Contoh Satu"}
DECIDED = {"decision": "approved", "at": "2026-01-05T10:00:00+07:00"}
BUYER = {"nik": "9974015502910003", "name": "Contoh Dua"}
NOP = "990100100100100010"
BILL = {"nop": NOP, "amount": "43500000", "payment_code": "9926000000000001", "expires_at": "2026-01-06T10:00:00+07:00"}
TRANSFER = {"registration_number": "99-000001/2026", "status": "completed"}
REPORT = {"id_izin": "I-99000000000000000003505"}
PERMIT = {"registration": "REG-9901-0000001", "kind": "pbg", "status": "45"}
CASES: dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]] = {
    "birth": (
        {
            "nkk": NKK,
            "child": {"name": "Contoh Anak", "sex": "male", "birth_date": "2026-01-05", "birth_place": "Contoh"},
            "enrol": True,
        },
        {
            "parents": {"nkk": NKK, "members": [PERSON]},
            "deed": {"deed_number": "9974-LU-05012026-0001", "nik": CHILD},
            "family_card": {"nkk": NKK},
            "child_card": {"card_number": "1", "nik": CHILD},
            "insurance": {"number": "0009900000001", "nik": CHILD, "status": "active"},
        },
    ),
    "birth_v2": (
        {
            "nkk": NKK,
            "child": {"name": "Contoh Anak", "sex": "male", "birth_date": "2026-01-05", "birth_place": "Contoh"},
            "enrol": True,
        },
        {
            "parents": {"nkk": NKK, "members": [PERSON]},
            "deed": {"deed_number": "9974-LU-05012026-0001", "nik": CHILD},
            "family_card": {"nkk": NKK},
            "child_card": {"card_number": "1", "nik": CHILD},
            "excerpt": EXCERPT,
            "insurance": {"number": "0009900000001", "nik": CHILD, "status": "active"},
        },
    ),
    "family_letter": (
        {"nik": FATHER, "nkk": NKK, "name": "Contoh Satu"},
        {
            "family_consent": {"answers": {"agreed": True}, "at": "2026-01-05T10:00:00+07:00"},
            "family": {"nkk": NKK, "members": [PERSON]},
            "letter": EXCERPT | {"title": "Surat Keterangan", "template": "certificate"},
            "signed": {"sha256": "0" * 64, "size": 9, "content": "JVBERi0xLjcK"},
        },
    ),
    "passport": (
        {"nik": FATHER, "book": "10 years"},
        {
            "identity": PERSON,
            "bill": {"billing_code": "820990000000001", "amount": "950000", "expires_at": "2026-01-05T11:00:00+07:00"},
            "payment": {"billing_code": "820990000000001", "status": "paid"},
        },
    ),
    "passport_v2": (
        {"nik": FATHER, "book": "10 years"},
        {
            "identity": PERSON,
            "opened": {"number": "99000000000001", "status": "opened"},
            "bill": {"billing_code": "820990000000001", "amount": "950000", "expires_at": "2026-01-05T11:00:00+07:00"},
            "payment": {"billing_code": "820990000000001", "status": "paid", "ntpn": "CONTOH0000000001"},
            "biometrics": {
                "application_number": "99000000000001",
                "at": "2026-01-05T10:00:00+07:00",
                "expires_at": "2026-02-04T10:00:00+07:00",
            },
            "taken": {"number": "99000000000001", "status": "biometrics taken"},
            "book": {
                "number": "X9000001",
                "application_number": "99000000000001",
                "issued_on": "2026-01-05",
                "expires_on": "2036-01-03",
            },
        },
    ),
    "business": (
        {
            "nib": "9900000350501",
            "oss_id": "U-99000000000000000003505",
            "id_izin": "I-99000000000000000003505",
            "kd_izin": "990100000001",
            "kd_daerah": "9901010000",
            "name": "PT Contoh",
            "npwp": "0990003505999000",
            "owner_nik": FATHER,
            "owner_name": "Contoh Satu",
            "projects": [],
            "checklist": [],
        },
        {
            "owner": PERSON,
            "standing": {"nib": "9900000350501", "status": "active"},
            "tax": {"npwp": "0990003505999000", "status": "valid"},
            "tax_review": DECIDED,
            "papers": {"answers": {"ktp": "1", "npwp": "2", "deed": "3"}, "at": "2026-01-05T10:00:00+07:00"},
            "permit": PERMIT,
            "employer": {"number": "990000001"},
            **dict.fromkeys(("validation", "stopped", "resumed", "restarted", "inspecting", "approval"), REPORT),
            "examined": {**DECIDED, "findings": {"confirm": True}},
            "confirmation": {"answers": {"answer": "Ya"}, "at": "2026-01-05T10:00:00+07:00"},
            "weighed": {**DECIDED, "findings": {"reset": False}},
            "survey": PERMIT,
            "inspection": {**DECIDED, "findings": {"visited": "2026-01-05", "result": "Sesuai"}},
            "issued": {**PERMIT, "number": "503/1/PBG/9901", "issued_on": "2026-01-05"},
            "licence": REPORT,
        },
    ),
    "land": (
        {
            "nop": NOP,
            "certificate_number": "HM.990101.00001",
            "seller_nik": FATHER,
            "buyer_nik": BUYER["nik"],
            "price": "950000000",
            "acquisition": "sale",
            "papers": dict.fromkeys(
                ("certificate", "seller_ktp", "seller_kk", "buyer_ktp", "buyer_kk", "pbb_receipt"), "berkas.pdf"
            ),
        },
        {
            "buyer": BUYER,
            "pbb": {"nop": NOP, "status": "settled"},
            "certificate": {"certificate_number": "HM.990101.00001", "status": "active", "owner_nik": FATHER},
            "clearance": {"npwp": BUYER["nik"], "status": "valid"},
            "review": DECIDED,
            "assessed": {"nop": NOP, "status": "assessed", "amount": "43500000", "value": "950000000"},
            "bill": {**BILL, "status": "unpaid"},
            "account": {"number": "99123000001", "amount": "43500000", "expires_at": "2026-01-06T09:00:00+07:00"},
            "payment": {"number": "99123000001", "status": "paid"},
            "ntpd": {**BILL, "status": "paid", "ntpd": "9926010500000001"},
            "deed": {**DECIDED, "findings": {"number": "12/2026", "date": "2026-01-05", "notary": "PPAT Contoh"}},
            "proof": {**BILL, "status": "paid", "ntpd": "9926010500000001"},
            "transfer": TRANSFER,
            "progress": TRANSFER,
            "entered": DECIDED,
            "renamed": {"nop": NOP},
        },
    ),
}


OTHER, ADDRESS = (
    "9974014101900003",
    {
        "street": "Jalan Baru 1",
        "rt": "001",
        "rw": "002",
        "postal_code": "99001",
        "province_code": "99",
        "province": "Provinsi Contoh",
        "regency_code": "9902",
        "regency": "Kabupaten Contoh 02",
        "district_code": "990201",
        "district": "Kecamatan 01",
        "village_code": "9902012001",
        "village": "Desa 2001",
    },
)
DECIDED = {"decision": "approved", "at": "2026-01-05T10:00:00+07:00", "by": "Petugas Contoh"}
INTENT = {
    "registration_number": "KUA99-202601-000001",
    "status": "verified",
    "husband_nik": FATHER,
    "wife_nik": OTHER,
    "fee": "600000",
}
BILL = {"billing_code": "820990000000001", "amount": "600000", "expires_at": "2026-01-12T11:00:00+07:00"}
BOOK = {"kind": "book", "number": "990001/01/2026", "husband_nik": FATHER, "wife_nik": OTHER}
LETTER = {"letter_number": "SKPWNI/9974/05012026/0001", "status": "taken_in", "nkk": NKK}
CASES |= {
    "death": (
        {
            "nik": FATHER,
            "nkk": NKK,
            "died_on": "2026-01-05",
            "place": "Kota Contoh",
            "reporter_nik": OTHER,
            "papers": {"report": "1", "death_letter": "2", "family_card": "3", "identity_card": "4"},
            "insured": True,
            "heir": {"nik": OTHER, "name": "Contoh Dua", "relation": "spouse"},
        },
        {
            "identity": PERSON,
            "papers": DECIDED,
            "deed": {"deed_number": "9974-KM-05012026-0001", "nik": FATHER, "spouse_nik": OTHER},
            "servant": {"employed": True, "nip": "199001012014011001"},
        },
    ),
    "move": (
        {
            "nkk": NKK,
            "to": "another regency",
            "address": ADDRESS,
            "head_nik": FATHER,
            "adults": [FATHER, OTHER, FATHER, OTHER],
            "children": [CHILD] * 4,
            "papers": {"report": "1", "family_card": "2"},
            "insured": True,
            "taxpayer": True,
        },
        {"papers": DECIDED, "letter": LETTER, "arrival": LETTER},
    ),
    "marriage": (
        {
            "husband_nik": FATHER,
            "wife_nik": OTHER,
            "nkk": NKK,
            "ceremony_at": "2026-02-07T19:00:00+07:00",
            "office": "KUA Kecamatan Contoh",
            "venue": "outside",
            "address": "Jalan Contoh 1",
            "witnesses": ["Contoh Satu", "Contoh Dua"],
            "forms": ["N1", "N2", "N4"],
            "papers": {"identity_cards": "1", "family_cards": "2", "birth_deeds": "3"},
            "insured": "both",
        },
        {
            "husband": PERSON,
            "intent": INTENT,
            "papers": DECIDED,
            "verified": INTENT,
            "bill": BILL,
            "payment": {"billing_code": "820990000000001", "status": "paid", "ntpn": "CONTOH0000000001"},
            "ceremony": {**DECIDED, "findings": {"held_on": "2026-02-07"}},
            "book": BOOK,
        },
    ),
}


@pytest.fixture(scope="module")
def definitions(airflow_home: None) -> dict[str, Definition]:
    from simpul.workflow import publish

    read = publish.read(Path(__file__).parents[2] / "dags")
    # test_catalogue_services.py has the catalogue's.
    written = [found.definition for found in read if not found.file.stem.startswith("catalogue_")]
    # What undoes an application has no form of its own and no requests: tests/engine/test_compensations.py.
    return {definition.dag_id: definition for definition in written if definition.can_be_applied_for}


def scope(definition: Definition, step: StepDefinition) -> dict[str, Any]:
    """What stands when a step is entered: the form and the records of the steps before it, as JSON."""
    form, records = CASES[definition.dag_id]
    return {
        "form": form,
        **{name: records[name] for name in records if step.name in definition.descendants(name)},
    }


def test_every_workflow_has_a_case_here(definitions: dict[str, Definition]) -> None:
    assert definitions.keys() == CASES.keys()


@pytest.mark.parametrize("service", CASES)
def test_the_case_fits_the_form(definitions: dict[str, Definition], service: str) -> None:
    import jsonschema

    jsonschema.validate(CASES[service][0], definitions[service].form)


@pytest.mark.parametrize("service", CASES)
def test_the_cases_records_are_what_the_operations_answer(definitions: dict[str, Definition], service: str) -> None:
    for name, record in CASES[service][1].items():
        step = definitions[service].by_name[name]
        if step.kind in OURS:
            OURS[step.kind].model_validate(record)
            continue
        operation = connector_class(step.agency).operations()[step.operation.partition(".")[2]]
        operation.record.model_validate(record)
        assert record.keys() <= set(catalogue.load()[step.operation]["record"]["fields"])


@pytest.mark.parametrize("service", CASES)
def test_every_step_builds_a_request_that_its_operation_takes(definitions: dict[str, Definition], service: str) -> None:
    for step in definitions[service].steps:
        found = scope(definitions[service], step)
        if step.asks_people or (step.when and not expressions.holds(step.when, found)):
            continue
        request = expressions.build(step.request, found)
        given = {**request, "service": "Paket", "number": "99-26-000000001-7"}
        if isinstance(step.wording, DocumentTemplate):
            assert all(step.wording.said(given).values())
            continue
        if isinstance(step.wording, NoticeTemplate):
            request = notices.message(step.wording, given, CONTACT)
        operation = connector_class(step.agency).operations()[step.operation.partition(".")[2]]
        operation.request.model_validate(request)


def test_a_death_is_told_to_whom_it_concerns(definitions: dict[str, Definition]) -> None:
    death, form = definitions["death"], CASES["death"][0]

    def told(heir: Any, spouse: str | None, *, employed: bool) -> set[str]:
        found = {
            "form": {**form, "heir": heir},
            "deed": {"spouse_nik": spouse},
            "servant": {"employed": employed},
        }
        return {step.name for step in death.steps if step.when and expressions.holds(step.when, found)}

    assert told(form["heir"], OTHER, employed=True) == {"spouse_card", "insurance", "claim", "service_end"}
    assert told(None, None, employed=False) == {"insurance"}


def test_a_move_within_the_regency_is_a_new_card_and_nothing_else(definitions: dict[str, Definition]) -> None:
    move, form = definitions["move"], CASES["move"][0] | {"to": "same regency"}
    done = [step.name for step in move.steps if step.when is None or expressions.holds(step.when, {"form": form})]
    assert done == ["family", "papers", "card_here"]
    assert expressions.build(move.by_name["card_here"].request, {"form": form})["address"] == ADDRESS


def test_a_move_to_another_regency_makes_as_many_cards_as_there_are_people(definitions: dict[str, Definition]) -> None:
    move = definitions["move"]
    form = CASES["move"][0] | {"adults": [FATHER, OTHER], "children": [CHILD]}
    cards = [step for step in move.steps if step.name.startswith(("adult_", "child_"))]
    asked = [step.request for step in cards if step.when and expressions.holds(step.when, {"form": form})]
    assert [expressions.build(request, {"form": form})["nik"] for request in asked] == [FATHER, OTHER, CHILD]


@pytest.mark.parametrize(("fee", "due"), [("600000", ["bill", "payment"]), ("0", []), (None, [])])
def test_a_marriage_is_billed_where_the_kua_says_so(
    definitions: dict[str, Definition], fee: str | None, due: list[str]
) -> None:
    found = {"verified": {"fee": fee}}
    steps = [step for step in definitions["marriage"].steps if step.when and "fee" in step.when]
    assert [step.name for step in steps if step.when and expressions.holds(step.when, found)] == due


def test_a_birth_is_five_calls_in_three_levels_and_insurance_is_the_parents_wish(
    definitions: dict[str, Definition],
) -> None:
    birth = definitions["birth"]
    assert birth.frontier({}) == ["parents"]
    assert birth.frontier({"parents": "done"}) == ["deed"]
    assert birth.frontier({"parents": "done", "deed": "done"}) == ["family_card", "child_card", "insurance"]
    wish = birth.by_name["insurance"].when
    assert wish is not None
    assert expressions.holds(wish, {"form": {"enrol": True}})
    assert not expressions.holds(wish, {"form": {"enrol": False}})


@pytest.mark.parametrize(("book", "amount"), [("5 years", 650_000), ("10 years", 950_000)])
def test_a_passports_fee_follows_from_the_book_and_cannot_be_filed(
    definitions: dict[str, Definition], book: str, amount: int
) -> None:
    passport = definitions["passport"]
    request = expressions.build(
        passport.by_name["bill"].request, {"form": {"nik": FATHER, "book": book}, "identity": PERSON}
    )
    assert request["amount"] == amount
    assert "amount" not in passport.form["properties"]
    assert passport.form["additionalProperties"] is False


def test_a_passport_is_paid_only_by_the_agencys_word(definitions: dict[str, Definition]) -> None:
    accept = definitions["passport"].by_name["payment"].accept
    assert accept is not None
    assert expressions.holds(accept, {"record": {"status": "paid"}})
    assert not expressions.holds(accept, {"record": {"status": "unpaid"}})


def test_an_inspection_that_nobody_decided_on_is_reported_as_deemed_approved(
    definitions: dict[str, Definition],
) -> None:
    business = definitions["business"]
    assert business.by_name["inspection"].overdue == "approve"
    for decision, status in (("approved", "50"), ("deemed", "57")):
        built = scope(business, business.by_name["approval"]) | {"inspection": {"decision": decision}}
        assert expressions.build(business.by_name["approval"].request, built)["status"] == status
    built = scope(business, business.by_name["licence"]) | {"inspection": {"decision": "deemed"}}
    assert expressions.build(business.by_name["licence"].request, built)["status"] == "57"


def test_a_confirmation_stops_osss_clock_and_the_officer_says_whether_it_resumes_or_is_reset(
    definitions: dict[str, Definition],
) -> None:
    business = definitions["business"].by_name
    assert [business[name].request["status"] for name in ("stopped", "resumed", "restarted")] == ["=41", "=42", "=43"]
    asked = {"examined": {"findings": {"confirm": True}}}
    assert expressions.holds(business["stopped"].when or "", asked)
    for reset in (True, False):
        weighed = {"weighed": {"findings": {"reset": reset}}}
        assert expressions.holds(business["restarted"].when or "", weighed) is reset
        assert expressions.holds(business["resumed"].when or "", weighed) is not reset
    assert not expressions.holds(business["resumed"].when or "", {})
    assert not expressions.holds(business["restarted"].when or "", {})


def test_oss_may_leave_out_the_owner_of_a_business(definitions: dict[str, Definition]) -> None:
    import jsonschema

    business = definitions["business"]
    form = {name: value for name, value in CASES["business"][0].items() if not name.startswith("owner")}
    jsonschema.validate(form, business.form)
    assert not expressions.holds(business.by_name["owner"].when or "", {"form": form})
    assert "holder_nik" not in expressions.build(business.by_name["permit"].request, {"form": form})


def test_a_transfer_without_a_tax_needs_no_account(definitions: dict[str, Definition]) -> None:
    land = definitions["land"].by_name
    assert land["account"].when == land["payment"].when
    assert not expressions.holds(land["account"].when or "", {"bill": {"status": "paid"}})


@pytest.mark.parametrize(
    ("certificate", "clearance", "looked_at"),
    [
        ({"status": "active", "owner_nik": FATHER}, "valid", False),
        ({"status": "blocked", "owner_nik": FATHER}, "valid", True),
        ({"status": "active", "owner_nik": CHILD}, "valid", True),
        ({"status": "active", "owner_nik": FATHER}, "invalid", True),
    ],
)
def test_an_officer_looks_at_a_transfer_before_the_tax_is_billed_where_something_stands_against_it(
    definitions: dict[str, Definition], certificate: dict[str, str], clearance: str, *, looked_at: bool
) -> None:
    review = definitions["land"].by_name["review"].when or ""
    stands = {"form": {"seller_nik": FATHER}, "certificate": certificate, "clearance": {"status": clearance}}
    assert expressions.holds(review, stands) is looked_at
