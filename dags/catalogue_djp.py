"""The tax office's services as frozen from catalogue/djp.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
