"""The civil registry's services as frozen from catalogue/dukcapil.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
