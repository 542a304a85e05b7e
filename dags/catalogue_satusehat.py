"""SATUSEHAT's services as frozen from catalogue/satusehat.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
