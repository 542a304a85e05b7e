"""Pembatalan: what undoes an application that ended in nothing after something took effect at agencies.

An Airflow DAG. Nobody applies for it: when such an application is rejected, withdrawn or lapses, the engine files one of these
for it, which calls what the connectors name with `compensate`, the last effect first. Twelve are more than any workflow of
ours has to undo; what goes beyond becomes an incident.
"""

from pydantic import BaseModel, ConfigDict

from simpul.workflow import CompensateStep, Workflow


class Requests(BaseModel):
    """The undoing requests by step, written by the engine."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, title="Pembatalan")


with Workflow(
    "compensation", version=1, title="Pembatalan di instansi", standard="1 working day", owner="simpul", form=Requests
):
    before = CompensateStep("undo_1", title="Pembatalan 1")
    for place in range(2, 13):
        step = CompensateStep(f"undo_{place}", title=f"Pembatalan {place}")
        before >> step
        before = step
