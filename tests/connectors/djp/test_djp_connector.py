import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.djp import mapping, sandbox, verdicts, wire
from connectors.djp.connector import Djp
from connectors.djp.requests import AddressUpdate, TaxpayerQuery, TaxStatusQuery
from connectors.toolkit import errors, holdings
from connectors.toolkit.examples import Scene

AGENCY = "djp"


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture
def agency(server):
    server.app.agencies[AGENCY].reset()
    return server.app.agencies[AGENCY]


@pytest.fixture
def world(server):
    return server.app.world


@pytest.fixture
def djp(server, agency):
    with Djp(server.settings(AGENCY)) as connector:
        yield connector


def control(server, name):
    requests.post(f"{server.url}/_sandbox/{AGENCY}/{name}", timeout=10).raise_for_status()


def script(server, operation, *bodies):
    faults = [{"kind": "status", "status": 200, "body": body, "media_type": "application/json"} for body in bodies]
    requests.post(
        f"{server.url}/_sandbox/{AGENCY}/faults", json=[{"operation": operation, "faults": faults}], timeout=10
    ).raise_for_status()


def test_a_resident_is_found_by_nik_and_by_the_old_number_with_the_same_name_and_address(djp, world):
    family = world.population.family(3)
    by_nik = djp.get_taxpayer(TaxpayerQuery(npwp=family.father.nik))
    old = holdings.personal_npwp(3)
    by_old, by_new = (djp.get_taxpayer(TaxpayerQuery(npwp=npwp)) for npwp in (old, f"0{old}"))
    assert (by_nik.npwp, by_nik.nik) == (family.father.nik, family.father.nik)
    assert by_old == by_new
    assert (by_old.npwp, by_old.nik) == (f"0{old}", None)
    assert by_nik.name == by_old.name == family.father.name.upper()
    assert by_nik.address == by_old.address
    assert (by_nik.brand, by_nik.phone, by_nik.email) == (None, None, None)


@pytest.mark.parametrize(("index", "status"), [(0, "valid"), (30, "invalid")])
def test_a_business_is_told_valid_or_not_valid_and_neither_is_an_error(djp, world, index, status):
    firm = holdings.business(world.population, world.population.family(index))
    found = djp.confirm_tax_status(TaxStatusQuery(npwp=f"0{firm.npwp}", licence_code="PP01"))
    assert (found.status, found.npwp, found.licence_code) == (status, f"0{firm.npwp}", "PP01")


def test_a_number_nobody_has_is_not_valid_for_kswp_and_rejected_as_a_taxpayer(djp):
    assert djp.confirm_tax_status(TaxStatusQuery(npwp="990000001999001")).status == "invalid"
    with pytest.raises(errors.Rejected):
        djp.get_taxpayer(TaxpayerQuery(npwp="990000001999001"))


def test_an_expired_token_is_fetched_anew_once_and_a_write_is_still_made_once(djp, server, agency, world):
    request = AddressUpdate.model_validate(sandbox.EXAMPLES["update_address"](Scene(djp, world, 7)))
    djp.get_taxpayer(TaxpayerQuery(npwp=request.npwp))
    control(server, "expire")
    receipt = djp.update_address(request, reference="MOVE-1")
    assert agency.calls["token"] == 2
    assert agency.writes["update_address"] == {"MOVE-1": 1}
    assert djp.find_address(request, reference="MOVE-1") == receipt
    assert djp.find_address(request, reference="MOVE-2") is None
    assert djp.get_taxpayer(TaxpayerQuery(npwp=request.npwp)).address.street == request.street


@pytest.mark.parametrize("status", ['"400"', "406"])
def test_a_new_token_that_is_refused_too_is_our_misconfiguration(djp, server, agency, status):
    body = f'{{"status": {status}, "message": "Token"}}'
    script(server, "get_taxpayer", body, body)
    with pytest.raises(errors.Misconfigured):
        djp.get_taxpayer(TaxpayerQuery(npwp="990000000999000"))
    assert (agency.calls["token"], agency.calls["get_taxpayer"]) == (2, 2)


def test_the_token_travels_without_bearer_and_also_in_the_url(server, agency, world):
    with Djp(server.settings(AGENCY).model_copy(update={"token_in_query": True})) as connector:
        assert connector.get_taxpayer(TaxpayerQuery(npwp=world.population.family(1).father.nik)).name
        token = connector._tokens.current()
    url = f"{server.url}/djp/kswp"
    body = {"npwp": "990000000999000", "kdizin": "PP01"}
    answers = [
        requests.post(url, json=body, headers=headers, timeout=5).json()["status"]
        for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": token})
    ]
    assert answers == ["401", "400", 200]
    assert requests.get(url, timeout=5).json()["status"] == "405"


def test_a_wrong_password_and_another_address_are_our_misconfiguration(server, agency):
    wrong = server.settings(AGENCY).model_copy(update={"password": SecretStr("not-it")})
    with Djp(wrong) as connector, pytest.raises(errors.Misconfigured) as refused:
        connector.get_taxpayer(TaxpayerQuery(npwp="990000000999000"))
    assert refused.value.code == "403"
    assert "not-it" not in str(refused.value)
    with Djp(server.settings(AGENCY)) as connector:
        control(server, "move")
        with pytest.raises(errors.Misconfigured):
            connector.get_taxpayer(TaxpayerQuery(npwp="990000000999000"))


def test_a_write_whose_token_could_not_be_fetched_was_never_sent_and_is_not_in_doubt(djp, server, world):
    requests.post(
        f"{server.url}/_sandbox/{AGENCY}/faults",
        json=[{"operation": "token", "faults": [{"kind": "drop"}]}],
        timeout=10,
    ).raise_for_status()
    request = AddressUpdate.model_validate(sandbox.EXAMPLES["update_address"](Scene(djp, world, 8)))
    with pytest.raises(errors.Retriable):
        djp.update_address(request, reference="MOVE-1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("203", errors.BadData),
        (401, errors.Misconfigured),
        (" 403 ", errors.Misconfigured),
        (405, errors.Misconfigured),
        (411, errors.Rejected),
        ("999", errors.BadData),
    ],
)
def test_every_status_becomes_its_error_as_number_or_as_text(status, kind):
    assert isinstance(verdicts.verdict(wire.Envelope(status=status, message="x").code), kind)


@pytest.mark.parametrize("word", ["VALID", "Valid ", "TIDAK VALID", "tidak  valid", "Tidak Valid"])
def test_the_word_is_read_in_any_case_and_spacing(word):
    answer = wire.Envelope(status="200", message={"status": word, "NPWP": 99_000_000_099_900, "nama": "-"})
    found = mapping.clearance(answer, "0000099000000099900"[-16:], "PP01")
    assert (found.status, found.name) == ("invalid" if "tidak" in word.casefold() else "valid", None)


@pytest.mark.parametrize("message", ["VALID", None, {}, {"status": "MUNGKIN"}, {"status": "VALID", "NPWP": "1"}])
def test_another_word_or_another_taxpayer_is_bad_data_that_quotes_nothing(message):
    with pytest.raises(errors.BadData) as bad:
        mapping.clearance(wire.Envelope(status=200, message=message), "990000000999000", "PP01")
    assert "MUNGKIN" not in f"{bad.value} {bad.value.detail}"
    assert bad.value.field
