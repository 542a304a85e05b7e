"""What Airflow is told of a workflow and of a step, whether they are written in Python or come from the catalogue.

Imports next to nothing: whatever makes a DAG needs it.
"""

from datetime import timedelta
from typing import Any

from airflow.triggers.base import StartTriggerArgs

WAVES_AT_ONCE = 16
"""Airflow's limit on runs of one DAG under way. Above the engine's `waves_in_flight`, so that the engine sets the pace
and a run that somebody starts or clears by hand finds room."""

TRIGGER = "simpul.workflow.trigger.StepTrigger"
"""A string, because importing the trigger would bring SQLAlchemy and the ledger into every parse of a DAG file."""


def of_dag(service: str, version: int, title: str, standard: str, owner: str) -> dict[str, Any]:
    """A DAG's arguments."""
    return {
        "dag_id": service if version == 1 else f"{service}_v{version}",
        "description": title,
        "schedule": None,
        "catchup": False,
        "is_paused_upon_creation": False,
        "max_active_runs": WAVES_AT_ONCE,
        "default_args": {"owner": owner},
        "tags": ["simpul", f"owner:{owner}", f"version:{version}"],
        "doc_md": f"**{title}** ({standard}). Cases live in Simpul's ledger; a run carries one wave of them.",
    }


def of_step(name: str, title: str) -> dict[str, Any]:
    """An operator's arguments.

    Airflow's own retries see the ledger through an outage of some minutes; no time-outs, which would run a worker just to
    fail.
    """
    return {
        "task_id": name,
        "retries": 8,
        "retry_delay": timedelta(seconds=5),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=1),
        "doc_md": title or None,
    }


def trigger(service: str, version: int, step: str) -> StartTriggerArgs:
    """How a step starts in the triggerer."""
    return StartTriggerArgs(
        trigger_cls=TRIGGER,
        next_method="execute",
        trigger_kwargs={"service": service, "version": version, "step": step},
    )
