import os
import subprocess
import sys
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
def make_secrets(tmp_path_factory):
    """Makes secrets in a folder, asking the code under test for the sandbox's, as it would the image."""
    simpul = tmp_path_factory.mktemp("bin") / "simpul"
    simpul.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from simpul.cli import app; app()" "$@"\n')
    simpul.chmod(0o700)

    def make(folder):
        command = [ROOT / "deploy" / "make-secrets", folder]
        environment = {**os.environ, "SIMPUL": str(simpul)}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment)

    return make


@pytest.fixture(scope="session")
def made_secrets(make_secrets, tmp_path_factory):
    """The secrets that an installation makes, in a folder of the tests' own."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    make_secrets(folder)
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
