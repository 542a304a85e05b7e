"""Every night: do agencies' systems still answer as recorded? An Airflow DAG.

Gateways sample the shapes of answers and look at published contracts; this compares them with what is recorded in the
connectors' folders, and opens an incident for each agency that drifted.
"""

from airflow.sdk import DAG

from simpul.workflow import DriftWatch

with DAG(
    "drift_watch",
    description="Compares agencies' answers and contracts with what is recorded",
    schedule="15 20 * * *",  # 03:15 in western Indonesia
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args={"owner": "simpul"},
    tags=["simpul", "owner:simpul"],
):
    DriftWatch(task_id="compare")
