"""The social affairs office's services as frozen from catalogue/dinsos.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
