"""Configuration of Simpul's own processes: environment variables `SIMPUL_*`, each also from a file by `…_FILE`.

An agency's settings live in its connector's folder, not here.
"""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from simpul import worktime
from simpul.clock import Clock, clock_from
from simpul.crypto import Keys, decode_master_key
from simpul.worktime import Living


class Settings(BaseSettings):
    """What every Simpul process reads at its start."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_", hide_input_in_errors=True, extra="ignore")

    database_url: str = Field(
        default="postgresql://simpul@127.0.0.1:5432/simpul", description="The ledger: a postgresql:// URL.", repr=False
    )
    kafka_bootstrap: str = Field(default="127.0.0.1:9092", description="Kafka brokers, host:port, comma separated.")
    topic_prefix: str = Field(default="", description="Put before every topic: several installations on one cluster.")
    master_key: SecretStr = Field(
        default=SecretStr(""), description="Base64 of 32 bytes; wraps the data keys. Made by `simpul keys new`."
    )
    installation: str = Field(
        default="99", pattern=r"^\d{2}$", description="Two digits that open every application number made here."
    )
    airflow_url: str = Field(default="http://127.0.0.1:8080", description="Airflow's API server.")
    airflow_user: str = Field(default="simpul", description="Airflow's service user.")
    airflow_password: SecretStr = Field(default=SecretStr(""), description="The service user's password.")
    dags_folder: Path = Field(default=Path("dags"), description="The folder of service workflows.")
    console_host: str = Field(default="127.0.0.1", description="Address the console binds.")
    console_port: int = Field(default=8765, description="Port the console binds.")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="Where citizens reach the console, for the QR codes of documents; its own address when not set.",
    )
    log_format: Literal["json", "text"] = Field(default="json", description="json for machines, text for eyes.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")
    clock_offset_file: Path | None = Field(
        default=None, description="A file with seconds added to every clock: acceptance tests and training only."
    )
    metrics_port: int | None = Field(default=None, description="Port for a worker's Prometheus metrics; none: off.")

    wave_size: PositiveInt = Field(default=500, description="Most applications that one DAG run carries.")
    waves_in_flight: PositiveInt = Field(default=4, description="Most waves of one service under way at once.")
    waves_in_all: PositiveInt = Field(
        default=32, description="Most waves of all services under way at once, beyond a first one of each."
    )
    head_start: float = Field(
        default=14_400.0,
        ge=0,
        description="Seconds that an application of a vulnerable group goes before others: those that waited longer go first.",
    )
    wave_budget: PositiveFloat = Field(default=20.0, description="Seconds a step waits before it parks its members.")
    wave_patience: PositiveFloat = Field(
        default=3.0, description="Seconds without an answer after which a step parks those who hold up the others."
    )
    wave_linger: float = Field(
        default=0.5, ge=0, description="Seconds a claim waits for company while other waves are under way."
    )
    lost_after: PositiveFloat = Field(
        default=30.0, description="Seconds between the two look-ups after which a missing run gives its wave back."
    )
    strikes: PositiveInt = Field(default=3, description="Fruitless waves before an application becomes an incident.")
    calendar_file: Path | None = Field(
        default=None,
        description="Office hours and holidays as TOML; the national calendar that is shipped when not set.",
    )
    standard_warning: float = Field(
        default=0.8, gt=0, le=1, description="Share of a service standard that is used up when a warning goes out."
    )
    exchange_seconds: PositiveFloat = Field(
        default=10.0, description="Seconds an interactive read may take before who waits is told to ask again."
    )
    exchanges_in_flight: PositiveInt = Field(
        default=64, description="Most interactive reads of one agency under way at once, per console process."
    )
    attempts: bool = Field(
        default=True,
        description="Store an attempt before each agency call. Off only as the negative control of the fault tests.",
    )

    @property
    def citizens_url(self) -> str:
        """Where citizens reach the console, without a slash at the end."""
        return (self.public_url or f"http://{self.console_host}:{self.console_port}").rstrip("/")

    @property
    def keys(self) -> Keys:
        """The keys derived from the master key.

        Raises:
            ValueError: SIMPUL_MASTER_KEY is missing or not base64 of 32 bytes.
        """
        return Keys(decode_master_key(self.master_key.get_secret_value()))

    @property
    def calendar(self) -> Living:
        """The working time that deadlines and service standards run on; it follows edits of its file.

        Raises:
            CalendarError: The file cannot be read.
        """
        return worktime.living(self.calendar_file) if self.calendar_file else worktime.living()

    @property
    def clock(self) -> Clock:
        """The clock that this process goes by."""
        return clock_from(self.clock_offset_file)


def load() -> Settings:
    """Settings from the environment; a variable `X_FILE` gives X by the file's content.

    Raises:
        pydantic.ValidationError: A value is not usable; the message names the field and hides the value.
    """
    from_files = {
        name: Path(os.environ[variable]).read_text().strip()
        for name in Settings.model_fields
        if (variable := f"SIMPUL_{name.upper()}_FILE") in os.environ
    }
    return Settings(**from_files)  # type: ignore[arg-type]  # pydantic parses the texts
