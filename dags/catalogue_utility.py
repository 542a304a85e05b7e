"""The utilities' services as frozen from catalogue/utility.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
