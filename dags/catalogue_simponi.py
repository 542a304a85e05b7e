"""The state revenue desk's services as frozen from catalogue/simponi.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
