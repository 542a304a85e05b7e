"""BPJS Ketenagakerjaan's services as frozen from catalogue/bpjs_ketenagakerjaan.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
