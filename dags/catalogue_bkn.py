"""The civil service agency's services as frozen from catalogue/bkn.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
