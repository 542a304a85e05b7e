"""The manpower office's services as frozen from catalogue/disnaker.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
