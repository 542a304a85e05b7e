"""Samsat's services as frozen from catalogue/samsat.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
