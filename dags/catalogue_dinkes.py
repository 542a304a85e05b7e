"""The health office's services as frozen from catalogue/dinkes.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
