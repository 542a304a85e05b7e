"""The conformance kit: one suite for every connector, run by `simpul connector check` and by tests; needs no pytest.

It knows of an agency what the registry, the connector class and its `sandbox.py` say (`build`, `settings`, `EXAMPLES`,
`CALLS`), so that a package of another house is examined as our own are.
"""

from connectors.conformance.check import Check, Finding
from connectors.conformance.subject import Subject
from connectors.conformance.suite import CHECKS, Result, examine, run

__all__ = ["CHECKS", "Check", "Finding", "Result", "Subject", "examine", "run"]
