"""What the connector to immigration needs to be told. Values come from `SIMPUL_IMIGRASI_…`."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit.settings import ConnectorSettings


class ImigrasiSettings(ConnectorSettings):
    """Account of one immigration office at the mall. `base_url` is the address of the SOAP service itself."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_IMIGRASI_")

    username: str = Field(min_length=1, description="User of the UsernameToken.")
    password: SecretStr = Field(description="Password of that user; only its digest is sent.")
    signing_key: SecretStr = Field(
        description="Private key that signs envelopes, PEM without passphrase; best as a file named by "
        "SIMPUL_IMIGRASI_SIGNING_KEY_FILE."
    )
    certificate: str = Field(
        description="Certificate of that key, PEM, known to immigration; best as a file named by "
        "SIMPUL_IMIGRASI_CERTIFICATE_FILE."
    )
    office: str = Field(min_length=1, max_length=20, description="Code of the immigration office that serves the mall.")
