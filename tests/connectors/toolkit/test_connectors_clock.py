"""Trainings and acceptance tests turn the clock: every connector dates and signs by the one it is given."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors import registry, sandbox_app
from connectors.toolkit.examples import Scene

FIRST_WRITE_OR_READ = {
    "bank": "create_virtual_account",
    "bpjs_kesehatan": "get_membership",
    "imigrasi": "open_application",
    "oss": "send_licence_status",
    "simponi": "create_bill",
}


def _in_two_months() -> datetime:
    return datetime.now(UTC) + timedelta(days=60)


@pytest.mark.parametrize("agency", FIRST_WRITE_OR_READ)
def test_an_agency_whose_clock_is_turned_with_ours_lets_us_in(agency):
    with (
        sandbox_app.running([agency], clock=_in_two_months) as running,
        registry.connect(agency, running.settings(agency), now=_in_two_months) as connector,
    ):
        scene = Scene(connector, running.app.world, 1)
        operation = FIRST_WRITE_OR_READ[agency]
        assert scene.call(operation, registry.module(agency, "sandbox").EXAMPLES[operation](scene))
