"""The police's services as frozen from catalogue/polri.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
