"""Airflow for these tests: a home of its own, and, where asked for, a real one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps an `import airflow` from writing into the home folder; the first import in a process decides."""
    if "AIRFLOW_HOME" in os.environ:
        yield
        return
    os.environ["AIRFLOW_HOME"] = str(tmp_path_factory.mktemp("airflow"))
    yield
    del os.environ["AIRFLOW_HOME"]


@pytest.fixture
def dags_folder() -> Path:
    return Path(__file__).parents[2] / "dags"
