"""Workflows on Airflow: DSL, steps, trigger, provider. The only importer of airflow."""
