"""Every connector passes every check of the conformance kit. What is special to an agency is tested in its own folder."""

from collections.abc import Iterator

import pytest

from connectors import registry
from connectors.conformance import CHECKS, Subject, run


@pytest.fixture(scope="module", params=registry.agencies())
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """One agency's connector and its sandbox, for all checks."""
    with Subject(request.param) as opened:
        yield opened


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_connector_passes_the_conformance_kit(subject, check):
    result = run(check, subject)

    assert result.passed, "\n".join(
        [check.proves, *(f"  {found.where}: {found.what}" for found in result.findings), f"Do: {check.remedy}"]
    )
