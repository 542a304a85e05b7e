"""The licensing office's services as frozen from catalogue/dpmptsp.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
