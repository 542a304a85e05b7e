"""What the connector to SIMPONI needs to be told. Values come from `SIMPUL_SIMPONI_…`."""

from ipaddress import ip_network
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from connectors.toolkit.settings import ConnectorSettings


class SimponiSettings(ConnectorSettings):
    """Account of one ministry office (satker).

    `base_url` is the address of the SOAP service itself, or, for REST, what stands before `/index/format/json`.
    """

    model_config = SettingsConfigDict(env_prefix="SIMPUL_SIMPONI_")

    transport: Literal["soap", "rest"] = Field(
        default="soap", description="Which of SIMPONI's two forms the office is connected to: soap, or rest."
    )
    user_id: str = Field(min_length=1, description="SIMPONI user id (UserId) of the office.")
    password: SecretStr = Field(description="Password of that user.")
    apps_id: str = Field(default="001", min_length=1, description="appsId of our application, from the agreement.")
    route_id: str = Field(default="001", min_length=1, description="routeId, from the agreement.")
    ministry_code: str = Field(pattern=r"^[0-9]{3}$", description="KodeKL: the ministry, three digits.")
    unit_code: str = Field(pattern=r"^[0-9]{2}$", description="KodeEselon1: the directorate general, two digits.")
    office_code: str = Field(pattern=r"^[0-9]{6}$", description="KodeSatker: the office, six digits.")
    revenue_kind: str = Field(default="F", description="JenisPNBP: F is functional revenue, U general.")
    currency_code: str = Field(default="1", description="KodeMataUang: 1 is rupiah.")
    regulation_code: str = Field(
        min_length=1, description="KodePPSimponi: the government regulation that sets the office's tariffs."
    )
    account_code: str = Field(pattern=r"^[0-9]{6}$", description="KodeAkun: the revenue account, six digits.")
    location_code: str = Field(default="", description="kodeLokasi of a bill's lines, REST only; empty: left blank.")
    city_code: str = Field(default="", description="kodeKabkota of a bill's lines, REST only; empty: left blank.")
    callback_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Shared secret of 16 characters or more that a payment push must carry in the header "
        "X-Callback-Secret, where a proxy in front of us or SIMPONI can be made to send one. The contract itself has none.",
    )
    callback_networks: tuple[str, ...] = Field(
        default=(), description="Networks that a payment push may come from, such as 10.20.0.0/24; empty: any."
    )

    @field_validator("callback_networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)
        return networks
