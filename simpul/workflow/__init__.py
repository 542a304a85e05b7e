"""Service workflows on Airflow: `Workflow` and its steps. The only package that imports Airflow.

A workflow says what is done in which order; the cases live in the ledger, the calls in the gateway.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simpul.definition import Want
    from simpul.workflow.dag import Workflow
    from simpul.workflow.drift_watch import DriftWatch
    from simpul.workflow.paths import choose
    from simpul.workflow.steps import (
        AgencyStep,
        CitizenStep,
        CompensateStep,
        DocumentStep,
        GatherStep,
        NotifyStep,
        OfficerStep,
        PaymentStep,
        SignStep,
    )

__all__ = [
    "AgencyStep",
    "CitizenStep",
    "CompensateStep",
    "DocumentStep",
    "DriftWatch",
    "GatherStep",
    "NotifyStep",
    "OfficerStep",
    "PaymentStep",
    "SignStep",
    "Want",
    "Workflow",
    "choose",
]

_HOMES = {
    "Workflow": "simpul.workflow.dag",
    **dict.fromkeys(
        (
            "AgencyStep",
            "CitizenStep",
            "CompensateStep",
            "DocumentStep",
            "GatherStep",
            "NotifyStep",
            "OfficerStep",
            "PaymentStep",
            "SignStep",
        ),
        "simpul.workflow.steps",
    ),
    "DriftWatch": "simpul.workflow.drift_watch",
    "Want": "simpul.definition",
    "choose": "simpul.workflow.paths",
}


def __getattr__(name: str) -> Any:
    # Airflow asks this package for its provider information while it is itself being imported, so Airflow is
    # imported only by whoever writes a workflow.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
