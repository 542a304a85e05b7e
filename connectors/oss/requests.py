"""What a caller asks of OSS. Identifiers keep OSS's names: whoever works with them knows them by these."""

from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.base import Filled
from schemas.business import AreaCode, LicenceCode, LicenceStatus, OssId, OwnerName
from schemas.identifiers import NIB, NPWP
from schemas.payments import Bill
from schemas.privacy import personal


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BusinessInquiry(Request):
    """One business by its NIB, or by its NPWP."""

    nib: NIB | None = None
    oss_id: OssId | None = None
    npwp: NPWP | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.nib is None) == (self.npwp is None):
            raise ValueError("ask by nib or by npwp, not by both")
        return self


class NibQuery(Request):
    """Whether a NIB stands."""

    nib: NIB


class _AboutLicence(Request):
    nib: NIB
    oss_id: OssId
    id_izin: OssId
    kd_izin: LicenceCode
    id_proyek: OssId | None = None
    officer_nip: Annotated[Filled, personal("general")] | None = None
    officer_name: OwnerName | None = None
    note: Annotated[str, Field(max_length=500)] | None = None
    attachment_url: Filled | None = None


class LicenceStatusReport(_AboutLicence):
    """How far a licence is at our office."""

    status: LicenceStatus
    id_produk: Filled | None = None
    bill: Bill | None = Field(None, description="The state fee to be paid, with the statuses 30 to 34")


class LicenceReport(_AboutLicence):
    """A licence as our office decided on it."""

    kd_daerah: AreaCode
    number: Filled
    status: LicenceStatus = "50"
    issued_on: date
    valid_until: date | None = None
    officer_position: Filled | None = None
    file_url: Filled | None = Field(None, description="Where OSS can fetch the licence, 2 MB at most")
    technical: dict[str, Any] = Field(default_factory=dict, description="data_teknis, as the kind of licence has it")


class DocumentQuery(Request):
    """A file by the address that OSS gave: file_izin, file_lampiran or url_dokumen."""

    url: Annotated[str, Field(min_length=1, max_length=2048), personal("general", kind="document")]
