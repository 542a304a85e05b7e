"""Faults that agencies register for themselves, met by a call of their connector."""

import contextlib

import pytest

from connectors import bench, sandbox_app
from connectors.toolkit.errors import AgencyError


@pytest.fixture
def trial(request):
    agency = request.param
    with (
        sandbox_app.running([agency]) as sandbox,
        contextlib.closing(bench.trials(agency, sandbox.url)) as trials,
    ):
        yield next(trials), sandbox.app


def script(application, name):
    sandbox_app.script(application, {"*": [{"faults": [{"kind": "scripted", "name": name}]}]})


@pytest.mark.parametrize("trial", ["bank", "bkn", "djp", "satusehat"], indirect=True)
def test_an_expired_token_is_fetched_anew_and_the_call_goes_on(trial):
    call, application = trial
    (agency,) = application.agencies.values()
    before = agency.calls.total()
    script(application, "expired_token")
    call.call()
    assert agency.calls.total() >= before + 3, "refused, a new token, answered"


@pytest.mark.parametrize("trial", ["bank", "bpjs_kesehatan"], indirect=True)
def test_a_clock_that_is_off_refuses_that_one_call(trial):
    call, application = trial
    script(application, "clock_skew")
    with pytest.raises(AgencyError):
        call.call()
    call.call()


@pytest.mark.parametrize("trial", ["bpjs_ketenagakerjaan", "dukcapil", "satusehat", "utility"], indirect=True)
def test_a_used_up_quota_refuses_the_calls_it_meets(trial):
    call, application = trial
    script(application, "quota")
    with pytest.raises(AgencyError):
        call.call()
    call.call()
