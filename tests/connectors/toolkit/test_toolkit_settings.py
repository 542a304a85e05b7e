import pytest
from misbehaving import Example, ExampleSettings
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from connectors import registry
from connectors.toolkit import ConnectorSettings, errors
from connectors.toolkit.settings import from_environment


class SecretiveSettings(ConnectorSettings):
    model_config = SettingsConfigDict(env_prefix="SIMPUL_SECRETIVE_")

    password: SecretStr
    pin: int = 0


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("SIMPUL_EXAMPLE_BASE_URL", "https://agency.example/api/")
    monkeypatch.setenv("SIMPUL_EXAMPLE_CALL_DEADLINE", "3.5")

    with Example() as connector:
        assert (connector.settings.base_url, connector.settings.call_deadline) == ("https://agency.example/api", 3.5)


def test_a_value_may_come_from_a_file_and_the_environment_is_stronger(monkeypatch, tmp_path):
    (tmp_path / "password").write_text("from the file\n")
    monkeypatch.setenv("SIMPUL_SECRETIVE_BASE_URL", "https://x")
    monkeypatch.setenv("SIMPUL_SECRETIVE_PASSWORD_FILE", str(tmp_path / "password"))

    assert SecretiveSettings().password.get_secret_value() == "from the file"
    monkeypatch.setenv("SIMPUL_SECRETIVE_PASSWORD", "from the environment")
    assert SecretiveSettings().password.get_secret_value() == "from the environment"


def test_what_is_missing_or_wrong_is_named_by_variable_and_never_quoted(monkeypatch):
    monkeypatch.setenv("SIMPUL_SECRETIVE_PIN", "1234 or so")

    with pytest.raises(errors.Misconfigured) as caught:
        from_environment(SecretiveSettings)

    assert "SIMPUL_SECRETIVE_BASE_URL: " in caught.value.detail
    assert "SIMPUL_SECRETIVE_PASSWORD: " in caught.value.detail
    assert "SIMPUL_SECRETIVE_PIN: " in caught.value.detail
    assert "1234" not in f"{caught.value.detail} {caught.value}"


def test_a_secret_file_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SIMPUL_SECRETIVE_PASSWORD_FILE", str(tmp_path / "nothing"))

    with pytest.raises(errors.Misconfigured, match="SETTINGS") as caught:
        from_environment(SecretiveSettings)

    assert "nothing" in caught.value.detail


@pytest.mark.parametrize("content", ["", " \n"])
def test_a_secret_file_that_is_empty_is_a_mistake_and_not_an_empty_secret(monkeypatch, tmp_path, content):
    (tmp_path / "password").write_text(content)
    monkeypatch.setenv("SIMPUL_SECRETIVE_BASE_URL", "https://x")
    monkeypatch.setenv("SIMPUL_SECRETIVE_PASSWORD_FILE", str(tmp_path / "password"))

    with pytest.raises(errors.Misconfigured) as caught:
        from_environment(SecretiveSettings)

    assert "SIMPUL_SECRETIVE_PASSWORD: " in caught.value.detail
    assert "is empty" in caught.value.detail


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "ftp://x"},
        {"base_url": "https://"},
        {"base_url": "https://user:word@x"},
        {"base_url": "https://x?key=1"},
        {"base_url": "http://agency.example"},
        {"base_url": "https://x", "call_deadline": 30, "lease_seconds": 30},
        {"base_url": "https://x", "concurrency": 0},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ValidationError):
        ExampleSettings(**wrong)


def test_plain_http_is_for_this_machine_unless_it_is_asked_for():
    assert ExampleSettings(base_url="http://127.0.0.1:80").base_url
    assert ExampleSettings(base_url="http://agency.example", plain_http=True).base_url


@pytest.mark.parametrize("agency", registry.agencies())
def test_every_setting_of_every_connector_is_described(agency):
    model = registry.connector_class(agency).settings_class()

    assert [name for name, field in model.model_fields.items() if not field.description] == []
    assert model.variable("base_url") == f"SIMPUL_{agency.upper()}_BASE_URL"


def test_any_connector_goes_through_the_national_gateway_by_settings_alone(serve):
    seen = []

    def behave(server, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        seen.append(head.decode())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

    server = serve(behave)
    settings = ExampleSettings(
        base_url=f"{server.url}/dukcapil-nik/1.0", splp_tenant="mpp.example.go.id", splp_key=SecretStr("key-of-the-api")
    )
    with Example(settings) as connector:
        connector.get("residents", "a/b")
    request, *headers = seen[0].split("\r\n")
    assert request == "GET /t/mpp.example.go.id/dukcapil-nik/1.0/residents/a%2Fb HTTP/1.1"
    assert "apikey: key-of-the-api" in headers
    assert "key-of-the-api" not in f"{settings!r}"


@pytest.mark.parametrize("half", [{"splp_tenant": "mpp"}, {"splp_key": "key"}])
def test_the_national_gateways_two_settings_go_together(half):
    with pytest.raises(ValidationError, match="go together"):
        ExampleSettings(base_url="https://splp.example/x/1", **half)


def test_a_table_that_is_no_json_is_named_by_variable_and_never_quoted(monkeypatch):
    class Listed(ConnectorSettings):
        model_config = SettingsConfigDict(env_prefix="SIMPUL_LISTED_")

        networks: tuple[str, ...] = ()

    monkeypatch.setenv("SIMPUL_LISTED_BASE_URL", "https://x")
    monkeypatch.setenv("SIMPUL_LISTED_NETWORKS", "10.20.0.0/24")

    with pytest.raises(errors.Misconfigured) as caught:
        from_environment(Listed)
    assert "SIMPUL_LISTED_NETWORKS" in caught.value.detail
    assert "10.20" not in caught.value.detail


def test_a_secret_file_that_is_no_text_is_named_and_never_quoted(monkeypatch, tmp_path):
    (tmp_path / "password").write_bytes(b"between us\xff")
    monkeypatch.setenv("SIMPUL_SECRETIVE_BASE_URL", "https://x")
    monkeypatch.setenv("SIMPUL_SECRETIVE_PASSWORD_FILE", str(tmp_path / "password"))

    with pytest.raises(errors.Misconfigured) as caught:
        from_environment(SecretiveSettings)
    assert str(tmp_path / "password") in caught.value.detail
    assert "between" not in caught.value.detail
