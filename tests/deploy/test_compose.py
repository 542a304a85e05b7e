"""docker-compose.yml by its structure, without a Docker engine; and by Docker's own reading where that is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors import registry, sandbox_app
from simpul import config
from simpul.crypto import decode_master_key

ROOT = Path(__file__).parents[2]
INITIALISE = ROOT / "deploy" / "postgres" / "10-airflow.sh"
ONE_SHOT = {"migrate", "topics", "publish", "airflow-migrate"}
THIRD_PARTY = {"postgres", "kafka"}
AIRFLOW = {"airflow-migrate", "airflow-api", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"}
GATEWAYS = {f"gateway-{agency.replace('_', '-')}": agency for agency in registry.agencies()}


def secrets_of(service):
    return set(service.get("secrets", []))


def variables(service):
    names = set(service.get("environment", {}))
    for path in service.get("env_file", []):
        names |= {line.split("=")[0] for line in (ROOT / path).read_text().splitlines() if re.match(r"[A-Z]", line)}
    return {name for name in names if name.startswith("SIMPUL_")}


def plain(value):
    """A setting as text; a file's last newline is not part of it."""
    return (value.get_secret_value() if isinstance(value, SecretStr) else str(value)).strip()


def compose_command():
    """`docker compose`, or the stand-alone `docker-compose`; None where neither is installed."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(words[0])
            and not subprocess.run([*words, "version"], capture_output=True, check=False).returncode
        ):
            return words
    return None


def test_docker_itself_finds_the_file_valid():
    command = compose_command()
    if command is None:
        pytest.skip("Docker Compose is not installed; the other tests of this file need none")
    words = ["--file", ROOT / "docker-compose.yml", "--profile", "sandbox", "config", "--quiet"]
    checked = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_every_process_of_simpul_and_airflow_is_there(services):
    workers = {"console", "engine", "projector", "sandbox", *GATEWAYS}
    assert set(services) == workers | AIRFLOW | ONE_SHOT | THIRD_PARTY


def test_every_service_that_stays_has_a_healthcheck_and_comes_back(services):
    for name, service in services.items():
        if name not in ONE_SHOT:
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert service["restart"] == "unless-stopped", name
        else:
            assert service["restart"] == "no", name


def test_ports_are_published_on_loopback_only(services):
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(ports) == {"console", "airflow-api", "sandbox"}
    for published in ports.values():
        assert all(port.startswith("127.0.0.1:") for port in published)


def test_only_the_sandbox_waits_for_a_profile(services):
    assert {name: service["profiles"] for name, service in services.items() if "profiles" in service} == {
        "sandbox": ["sandbox"]
    }


def test_our_processes_share_one_image_and_have_no_rights(services, compose):
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    for name, service in services.items():
        if name not in THIRD_PARTY:
            assert service["image"] == f"simpul:{version}"
            assert service["cap_drop"] == ["ALL"]
            assert not service.get("privileged")


def test_the_broker_is_the_version_that_the_tests_use(services):
    from simpul.embedded.kafka import VERSION

    assert services["kafka"]["image"] == f"apache/kafka:{VERSION}"


def test_airflow_has_neither_the_master_key_nor_kafka(services):
    for name in AIRFLOW:
        assert not {variable for variable in variables(services[name]) if "KEY" in variable or "KAFKA" in variable}
        assert "master-key" not in secrets_of(services[name])
        assert "bus" not in services[name]["networks"]


def test_of_airflow_only_the_triggerer_reaches_the_ledger(services):
    assert {name for name in AIRFLOW if "database-url" in secrets_of(services[name])} == {"airflow-triggerer"}


def test_airflows_processes_share_their_logs(services):
    for name in AIRFLOW:
        assert services[name]["volumes"] == ["airflow-logs:/var/lib/simpul/airflow/logs"]


def test_only_who_needs_the_master_key_has_it(services):
    holders = {name for name, service in services.items() if "master-key" in secrets_of(service)}
    assert holders == {"console", "engine", *GATEWAYS}


def test_every_variable_is_one_that_the_settings_know(services):
    known = {f"SIMPUL_{name.upper()}" for name in config.Settings.model_fields}
    for agency in registry.agencies():
        model = registry.connector_class(agency).settings_class()
        known |= {model.variable(name) for name in model.model_fields}
    for name, service in services.items():
        unknown = {each for each in variables(service) if each not in known and each.removesuffix("_FILE") not in known}
        assert unknown == set(), name


def test_no_secret_stands_in_the_file_itself(services):
    model = config.Settings.model_fields
    secret = {f"SIMPUL_{name.upper()}" for name, field in model.items() if "Secret" in str(field.annotation)}
    for agency in registry.agencies():
        fields = registry.connector_class(agency).settings_class()
        secret |= {fields.variable(n) for n, field in fields.model_fields.items() if "Secret" in str(field.annotation)}
    for service in services.values():
        assert not secret & variables(service)
    assert "PASSWORD=" not in (ROOT / "docker-compose.yml").read_text().replace(" ", "")


def test_secrets_that_are_used_are_mounted_and_made(compose, services, made_secrets):
    declared = {name: Path(secret["file"]).name for name, secret in compose["secrets"].items()}
    for_people = {"airflow-admin-password"}
    assert set(declared.values()) == {path.name for path in made_secrets.iterdir()} - for_people
    used = set()
    for name, service in services.items():
        mentioned = set(re.findall(r"/run/secrets/([\w.-]+)", f"{service.get('environment')} {service.get('command')}"))
        if name == "postgres":
            mentioned |= set(re.findall(r"/run/secrets/([\w.-]+)", INITIALISE.read_text()))
        assert mentioned == secrets_of(service), name
        used |= mentioned
    assert used == set(declared)


def test_what_a_service_depends_on_is_there_and_says_when_it_is_ready(services):
    for name, service in services.items():
        for other, condition in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert condition == {"condition": expected}, (name, other)
            assert "profiles" not in services[other]


@pytest.mark.parametrize(
    "name", ["console", "engine", "projector", "migrate", "publish", "topics", "airflow-triggerer"]
)
def test_settings_can_be_read_from_what_a_service_is_given(name, container_environment, made_secrets):
    given = container_environment(name)
    settings = config.load()
    if "SIMPUL_DATABASE_URL_FILE" in given:
        assert settings.database_url == (made_secrets / "database-url").read_text()
    if "SIMPUL_MASTER_KEY_FILE" in given:
        assert len(decode_master_key(settings.master_key.get_secret_value())) == 32


@pytest.mark.parametrize(("name", "agency"), GATEWAYS.items())
def test_a_gateway_is_given_the_sandboxs_settings(name, agency, services, container_environment):
    container_environment(name)
    assert services[name]["command"] == ["simpul", "gateway", agency]
    settings = registry.connector_class(agency).settings_class()()
    address = "http://127.0.0.1:8900"
    sandboxs = sandbox_app.settings(agency, address).model_dump()
    given = settings.model_dump()
    assert given.pop("plain_http")
    sandboxs.pop("plain_http")
    assert {name: plain(value) for name, value in given.items()} == {
        name: plain(value).replace(address, "http://sandbox:8900") for name, value in sandboxs.items()
    }


def test_the_console_is_given_the_settings_of_every_agency_that_calls_us(container_environment):
    container_environment("console")
    for agency in registry.agencies():
        connector = registry.connector_class(agency)
        if connector.callbacks:
            assert connector.settings_class()().base_url


def test_the_networks_of_postgres_and_kafka_have_no_way_out(compose, services):
    assert compose["networks"]["data"] == compose["networks"]["bus"] == {"internal": True}
    assert services["postgres"]["networks"] == ["data"]
    assert services["kafka"]["networks"] == ["bus"]
