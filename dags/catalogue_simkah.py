"""The KUA's services as frozen from catalogue/simkah.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
