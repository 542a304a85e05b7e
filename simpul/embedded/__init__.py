"""What the demo and the tests start when you bring nothing: Postgres, Kafka, Airflow, sandbox."""
