"""Airflow reads DAG files after every step that ends, so what they import is paid for all day long."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("kafka", "zeep", "lxml", "psycopg", "asyncpg", "starlette.applications", "uvicorn")
OURS = (
    "simpul.ledger",
    "simpul.crypto",
    "simpul.config",
    "simpul.bus",
    "simpul.gateway",
    "simpul.engine",
    "simpul.workflow.trigger",
    "connectors.toolkit.rest",
    "connectors.toolkit.soap",
    "connectors.toolkit.sandbox",
)
PROGRAM = """
import json, runpy, sys, time
import pydantic
from airflow.sdk import DAG, BaseOperator
before = set(sys.modules)
import croniter  # Airflow's own, the first time that a schedule is looked at
began = time.process_time()
runpy.run_path(sys.argv[1])
spent = time.process_time() - began
print(json.dumps({"share": spent / began, "modules": sorted(set(sys.modules) - before), "all": sorted(sys.modules)}))
"""
DAGS = Path(__file__).parents[2] / "dags"
CATALOGUE = sorted(DAGS.glob("catalogue_*.py"))


def services(generator: Path) -> int:
    """How many a file of the catalogue makes."""
    kept = DAGS / "published" / "catalogue" / f"{generator.stem.removeprefix('catalogue_')}.json"
    return len(json.loads(kept.read_bytes()))


# The catalogue's generators differ in nothing but how many services they make: the largest speaks for all.
FILES = [*sorted(set(DAGS.glob("*.py")) - set(CATALOGUE)), max(CATALOGUE, key=services)]


def test_the_catalogues_generators_differ_in_their_docstring_only() -> None:
    assert len({file.read_text().partition("\n")[2] for file in CATALOGUE}) == 1


def parse(file: Path, home: Path) -> dict[str, object]:
    environment = os.environ | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_dag_file_brings_nothing_heavy_and_costs_little_beside_importing_airflow(file: Path, tmp_path: Path) -> None:
    found = parse(file, tmp_path)
    new = found["modules"]
    assert isinstance(new, list)
    assert [name for name in new if name.split(".")[0] in HEAVY or name in HEAVY] == []
    assert [name for name in new if name.endswith(".sandbox")] == []
    assert [name for name in new if name.startswith(OURS)] == []
    # Airflow itself has SQLAlchemy; we add no part of it.
    assert [name for name in new if name.startswith("sqlalchemy")] == []
    # A share of the CPU that the same process has just spent on Airflow itself, whatever else the machine is doing; where it
    # is too large, the least disturbed of three.
    share = found["share"]
    for _ in range(2):
        if share < 0.10:  # type: ignore[operator]
            break
        share = min(share, parse(file, tmp_path)["share"])  # type: ignore[type-var]
    assert share < 0.10  # type: ignore[operator]
