"""The catalogue's services as DAGs, from what `simpul service check --freeze` wrote down of them.

A file `dags/catalogue_<agency>.py` calls `services(__file__)` and holds nothing else. Airflow parses such a file again after
every step that ends, so it reads no YAML, makes no form and checks nothing: `simpul.workflow.catalogue_dags` did when the
services were frozen, and `simpul service publish` refuses what is not.
"""

import json
from pathlib import Path
from typing import Any, NoReturn

from airflow.sdk import DAG, BaseOperator, chain

from simpul.workflow import airflow_facts

PREFIX = "catalogue_"
FOLDER = "published/catalogue"


class _Step(BaseOperator):  # type: ignore[misc]
    """A step as far as Airflow has to know it: its place, and that it starts and ends in the triggerer."""

    start_from_trigger = True

    def execute(self, context: Any) -> NoReturn:
        """Never runs, as in `Step`.

        Raises:
            RuntimeError: Somebody ran it on a worker all the same.
        """
        del context  # Airflow passes it by name
        raise RuntimeError(f"step {self.task_id!r} runs in the triggerer only; use a DAG run of its service")


class AgencyNode(_Step):
    """An agency is asked."""

    ui_color = "#dbe9f6"


class PaymentNode(_Step):
    """A bill is waited for."""

    ui_color = "#fbe8c8"


class OfficerNode(_Step):
    """An officer decides."""

    ui_color = "#e7def5"


class DocumentNode(_Step):
    """A document is made."""

    ui_color = "#e8e4da"


class NotifyNode(_Step):
    """The citizen is told."""

    ui_color = "#d9f2e3"


_NODES = {
    "agency": AgencyNode,
    "payment": PaymentNode,
    "officer": OfficerNode,
    "document": DocumentNode,
    "notify": NotifyNode,
}


def services(generator: str) -> None:
    """Make the DAGs of the services that were frozen for a generator `catalogue_<agency>.py`."""
    path = Path(generator)
    agency = path.stem.removeprefix(PREFIX)
    for kept in json.loads((path.parent / FOLDER / f"{agency}.json").read_bytes()).values():
        service, version = kept["service"], kept["version"]
        with DAG(**airflow_facts.of_dag(service, version, kept["title"], kept["standard"], agency)) as dag:  # noqa: AIR002 - it has
            # Airflow would take this file for the one that it stands in.
            dag.fileloc = generator
            steps = [_NODES[kind](**airflow_facts.of_step(name, title)) for name, kind, _, title in kept["steps"]]
            for step in steps:
                step.start_trigger_args = airflow_facts.trigger(service, version, step.task_id)
            chain(*steps)
