"""Service workflows on Airflow: `Workflow`, `AgencyStep`, `PaymentStep`. The only package that imports Airflow.

A workflow says what is done in which order; the cases live in the ledger, the calls in the gateway.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simpul.workflow.dag import Workflow
    from simpul.workflow.paths import choose
    from simpul.workflow.steps import AgencyStep, PaymentStep

__all__ = ["AgencyStep", "PaymentStep", "Workflow", "choose"]

_HOMES = {"Workflow": "dag", "AgencyStep": "steps", "PaymentStep": "steps", "choose": "paths"}


def __getattr__(name: str) -> Any:
    # Airflow asks this package for its provider information while it is itself being imported, so Airflow is
    # imported only by whoever writes a workflow.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
