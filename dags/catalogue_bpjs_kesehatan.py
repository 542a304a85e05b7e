"""BPJS Kesehatan's services as frozen from catalogue/bpjs_kesehatan.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
