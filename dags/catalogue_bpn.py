"""The land office's services as frozen from catalogue/bpn.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
