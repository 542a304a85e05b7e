"""The settings every connector has: where the agency is, how we prove who we are, and what we may ask of it.

Values come from the environment, or from files named by it; no connector reads anything else.
"""

import errno
import os
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import Misconfigured

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `<PREFIX><FIELD>_FILE`: the value is the named file's content, as Docker and Kubernetes mount secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """One field's value from its file, or None where no file is named."""
        variable = f"{self.config.get('env_prefix', '')}{field_name}_file".upper()
        path = os.environ.get(variable)
        try:
            return (None if path is None else Path(path).read_text(encoding="utf-8").strip()), field_name, False
        except UnicodeDecodeError:
            raise OSError(errno.EILSEQ, "is not text in UTF-8", path) from None

    def __call__(self) -> dict[str, Any]:
        """All values that come from files."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class ConnectorSettings(BaseSettings):
    """Settings shared by all connectors; an agency's subclass sets `env_prefix` and adds its credentials."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)

    base_url: str = Field(description="The agency's address, without a trailing slash: https://HOST/path.")
    plain_http: bool = Field(
        default=False, description="Accept http:// to another machine. Only inside a VPN that encrypts by itself."
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of the only CA to trust for this agency; the system's CAs when not set."
    )
    tls_name: str | None = Field(
        default=None, description="Name the server's certificate carries, where it is not the host of `base_url`."
    )
    client_cert: Path | None = Field(
        default=None, description="PEM file with our client certificate and its key, where the agency asks for one."
    )
    splp_tenant: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Tenant at the national gateway SPLP, where calls go through it: `/t/<tenant>` is put between host and "
        "path of `base_url`, which is then https://SPLP-HOST/<context>/<version>.",
    )
    splp_key: SecretStr | None = Field(default=None, description="SPLP's key for this interface, its header `apikey`.")
    call_deadline: float = Field(
        default=10.0, gt=0, description="Seconds one call may take in all, from connecting to the answer's last byte."
    )
    max_response_bytes: int = Field(
        default=2 * 1024 * 1024, gt=0, description="Size in bytes above which an answer is refused."
    )
    concurrency: int = Field(default=16, ge=1, description="Calls to this agency at the same time, per gateway.")
    rate_per_second: float | None = Field(default=None, gt=0, description="Calls per second at most, per gateway.")
    daily_quota: int | None = Field(default=None, ge=0, description="Calls per day that the agreement allows.")
    circuit_failures: int = Field(default=5, ge=1, description="Failures in a row after which calls pause.")
    circuit_seconds: float = Field(default=10.0, gt=0, description="Seconds of that pause before one call probes.")
    lease_seconds: float = Field(
        default=30.0, gt=0, description="Seconds an attempt is ours alone; must be longer than `call_deadline`."
    )

    @field_validator("*")
    @classmethod
    def _a_secret_that_is_one(cls, value: Any) -> Any:
        # A blank variable counts as not set, but a file that was named and is empty was meant to hold something.
        if isinstance(value, SecretStr) and not value.get_secret_value().strip():
            raise ValueError("is empty: put the secret into the file that holds it, or leave the setting out")
        return value

    @field_validator("base_url")
    @classmethod
    def _an_address_alone(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must start with https:// (or http://) and name a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must hold no credentials, query or fragment: those have settings of their own")
        # Written one way: TLS with our own CA hangs on what it begins with.
        return parts._replace(scheme=parts.scheme).geturl().rstrip("/")

    @model_validator(mode="after")
    def _safe_together(self) -> Self:
        if self.lease_seconds <= self.call_deadline:
            raise ValueError("lease_seconds must be longer than call_deadline: a lease may not end during its call")
        if (self.splp_tenant is None) != (self.splp_key is None):
            raise ValueError("splp_tenant and splp_key go together: set both, or neither")
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not self.plain_http:
            raise ValueError("base_url is http:// to another machine; use https:// or set plain_http")
        return self

    @property
    def address(self) -> str:
        """Where calls go: `base_url`, or its place behind the national gateway (contract section 12)."""
        if self.splp_tenant is None:
            return self.base_url
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(path=f"/t/{self.splp_tenant}{parts.path}"))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the code passes, then the environment, then files that the environment names."""
        return init_settings, env_settings, SecretFiles(settings_cls)

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()


S = TypeVar("S", bound=ConnectorSettings)


def from_environment(settings_class: type[S]) -> S:
    """Settings as the environment has them.

    Raises:
        Misconfigured: A value is missing or wrong; `detail` names the variables.
    """
    try:
        return settings_class()
    except ValidationError as error:
        problems = [
            f"{settings_class.variable(str(problem['loc'][0])) if problem['loc'] else 'settings'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_context=False, include_url=False)
        ]
        raise Misconfigured("SETTINGS", diagnosis=diagnoses.SETTINGS, detail="; ".join(problems)) from None
    except OSError as error:
        raise Misconfigured(
            "SETTINGS", diagnosis=diagnoses.SETTINGS, detail=f"{error.filename}: {error.strerror}"
        ) from None
    except SettingsError as error:
        # Lists and tables are JSON in the environment. The message names the field alone; its cause holds the value.
        named = next((name for name in settings_class.model_fields if f'"{name}"' in str(error)), "")
        detail = f"{settings_class.variable(named)}: is not the JSON that this setting takes"
        raise Misconfigured("SETTINGS", diagnosis=diagnoses.SETTINGS, detail=detail) from None
