"""The local revenue agency's services as frozen from catalogue/bapenda.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
