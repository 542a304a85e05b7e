import json

import pytest
import requests
from pydantic import SecretStr

from connectors import sandbox_app
from connectors.toolkit import errors, holdings
from connectors.toolkit.examples import Scene
from connectors.utility import mapping, verdicts, wire
from connectors.utility.connector import Utility
from connectors.utility.requests import ArrearsQuery, TransferRequest
from connectors.utility.sandbox import EXAMPLES

AGENCY = "utility"


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies[AGENCY].reset()
    server.app.world.reset()
    return server


@pytest.fixture
def utility(sandbox):
    with Utility(sandbox.settings(AGENCY)) as connector:
        yield connector


def script(sandbox, operation, fault):
    scripts = [{"operation": operation, "faults": [fault]}]
    requests.post(f"{sandbox.url}/_sandbox/{AGENCY}/faults", data=json.dumps(scripts), timeout=5).raise_for_status()


def transfer(sandbox, index):
    family = sandbox.app.world.population.family(index)
    number = holdings.meter(family).customer_number
    return TransferRequest(customer_number=number, nik=family.mother.nik, name=family.mother.name, ground="inheritance")


@pytest.mark.parametrize("number", [0, 14, 29])
@pytest.mark.parametrize("name", Utility.operations())
def test_every_example_is_answered_with_a_record_and_every_write_found_again(utility, sandbox, name, number):
    operation, scene = Utility.operations()[name], Scene(utility, sandbox.app.world, number)
    request = operation.request.model_validate(EXAMPLES[name](scene))
    reference = None if operation.effect == "read" else "REF/1 & more?"
    record = operation.invoke(utility, request, reference)
    if reference:
        assert operation.look_up(utility, request, reference) == record
        assert operation.look_up(utility, request, "REF/2") is None
        assert sandbox.app.agencies[AGENCY].writes[name] == {reference: 1}


@pytest.mark.parametrize(("index", "unpaid"), [(13, False), (14, True)])
@pytest.mark.parametrize("kind", ["electricity", "water"])
def test_arrears_are_an_answer_and_so_are_none(utility, sandbox, index, unpaid, kind):
    meter = holdings.meter(sandbox.app.world.population.family(index), kind)
    account = utility.check_arrears(ArrearsQuery(customer_number=meter.customer_number))
    assert (account.kind, account.arrears, bool(account.arrears)) == (kind, meter.arrears, unpaid)


def test_a_connection_with_unpaid_bills_changes_no_holder(utility, sandbox):
    with pytest.raises(errors.Rejected) as no:
        utility.transfer_name(transfer(sandbox, 14), reference="land/1")
    assert no.value.code == "61"
    assert not sandbox.app.agencies[AGENCY].writes


def test_after_a_transfer_the_connection_has_its_new_holder(utility, sandbox):
    request = transfer(sandbox, 3)
    utility.transfer_name(request, reference="land/1")
    account = utility.check_arrears(ArrearsQuery(customer_number=request.customer_number))
    assert account.holder_name == request.name.upper()


def test_somebody_who_has_died_becomes_no_holder(utility, sandbox):
    sandbox.app.world.died(sandbox.app.world.population.family(3).mother)
    with pytest.raises(errors.Rejected) as no:
        utility.transfer_name(transfer(sandbox, 3), reference="land/1")
    assert no.value.code == "15"


@pytest.mark.parametrize("changes", [{"api_key": SecretStr("wrong")}, {"partner": "MPP0000"}])
def test_a_wrong_key_is_our_misconfiguration(sandbox, changes):
    settings = sandbox.settings(AGENCY).model_copy(update=changes)
    with Utility(settings) as connector, pytest.raises(errors.Misconfigured) as wrong:
        connector.check_arrears(ArrearsQuery(customer_number="991000000001"))
    assert wrong.value.code == "03"


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503, "after_write": True}, {"kind": "drop", "after_write": True}]
)
def test_a_transfer_without_an_answer_is_in_doubt_and_looked_up_not_repeated(utility, sandbox, fault):
    request = transfer(sandbox, 3)
    script(sandbox, "transfer_name", fault)
    with pytest.raises(errors.InDoubt):
        utility.transfer_name(request, reference="land/1")
    assert utility.find_transfer(request, reference="land/1").status == "SELESAI"
    assert sandbox.app.agencies[AGENCY].writes["transfer_name"] == {"land/1": 1}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, errors.Rejected) for code in verdicts.REASONS),
        ("03", errors.Misconfigured),
        ("08", errors.Misconfigured),
        ("30", errors.BadData),
        ("68", errors.Retriable),
        ("96", errors.Retriable),
        ("77", errors.BadData),
    ],
)
def test_every_code_becomes_its_error(code, kind):
    assert type(verdicts.verdict(code)) is kind


def test_an_unknown_code_that_is_no_code_is_not_quoted():
    assert verdicts.verdict("9974014101900001").code == "NO_CODE"


def test_amounts_and_numbers_are_read_in_every_way_they_are_written():
    read = mapping.account(
        wire.Account.model_validate({"jenis": "air", "idpel": 1234567890, "total_tunggakan": "150.000", "nama": "-"})
    )
    assert (read.kind, read.customer_number, read.arrears, read.holder_name) == ("water", "001234567890", 150_000, None)


def test_a_connection_that_is_neither_electricity_nor_water_is_bad_data():
    with pytest.raises(errors.BadData) as bad:
        mapping.account(wire.Account(kind="GAS"))
    assert bad.value.field == "jenis"
