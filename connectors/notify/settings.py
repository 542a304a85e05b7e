"""What the message gateway and the mail server need to know of us."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class NotifySettings(ConnectorSettings):
    """Settings of the notify connector: `SIMPUL_NOTIFY_…`. `base_url` is the WhatsApp and SMS gateway's."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_NOTIFY_")

    token: SecretStr = Field(description="Bearer token of the gateway.")
    sender: str = Field(min_length=1, description="Our name or number at the gateway, which citizens see.")
    smtp_host: str | None = Field(default=None, description="The mail server; the host of base_url when not set.")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="The mail server's port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="starttls (port 587), tls from the first byte (port 465), or none: on this machine, or with plain_http.",
    )
    smtp_user: str | None = Field(default=None, description="Login at the mail server, where it asks for one.")
    smtp_password: SecretStr | None = Field(default=None, description="Password at the mail server.")
    smtp_ca_file: Path | None = Field(
        default=None, description="PEM file of the only CA to trust for the mail server; the system's CAs when not set."
    )
    mail_from: str = Field(
        pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$",
        description="Address that mails come from, such as mpp@kota.go.id.",
    )

    @property
    def mail_host(self) -> str:
        """Where the mail server is."""
        return self.smtp_host or urlsplit(self.base_url).hostname or ""

    @model_validator(mode="after")
    def _mail_safely(self) -> Self:
        if self.smtp_security == "none" and self.mail_host not in _LOOPBACK and not self.plain_http:
            raise ValueError("smtp_security is none to another machine; use starttls or tls, or set plain_http")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("smtp_user and smtp_password go together: set both, or neither")
        return self
