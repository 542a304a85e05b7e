"""Immigration's services as frozen from catalogue/imigrasi.yaml, an Airflow DAG each."""

from simpul.workflow.frozen import services

services(__file__)
