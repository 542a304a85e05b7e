"""The bank's services as frozen from catalogue/bank.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
