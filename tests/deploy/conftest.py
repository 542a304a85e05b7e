import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="session")
def services(compose):
    return compose["services"]


@pytest.fixture(scope="session")
def made_secrets(tmp_path_factory):
    """The secrets that an installation makes, in a folder of the tests' own."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([ROOT / "deploy" / "make-secrets", folder], check=True, capture_output=True)
    return folder


def env_file(path):
    """The variables of an env file, as Compose reads it."""
    lines = [line for line in (ROOT / path).read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def container_environment(services, made_secrets, monkeypatch):
    """Puts a service's SIMPUL_* variables into this process, its mounted secrets being those of `made_secrets`."""

    def put(name):
        for variable in [name for name in os.environ if name.startswith("SIMPUL_")]:
            monkeypatch.delenv(variable)
        service = services[name]
        given = {}
        for path in service.get("env_file", []):
            given |= env_file(path)
        given |= service.get("environment", {})
        for variable, value in given.items():
            if variable.startswith("SIMPUL_"):
                monkeypatch.setenv(variable, value.replace("/run/secrets", str(made_secrets)))
        return given

    return put
