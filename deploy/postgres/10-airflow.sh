#!/bin/sh
# Runs once, when Postgres makes its data folder: Airflow's metadata get a database and a role of their own, and that
# role cannot even connect to the ledger.
set -eu

psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc --set=ON_ERROR_STOP=1 \
    --set=password="$(cat /run/secrets/airflow-postgres-password)" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'password';
CREATE DATABASE airflow OWNER airflow;
REVOKE CONNECT ON DATABASE simpul FROM PUBLIC;
REVOKE CONNECT ON DATABASE airflow FROM PUBLIC;
SQL
