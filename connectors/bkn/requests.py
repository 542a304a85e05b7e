"""What a caller asks of BKN, in our own words. The agency's words are in `wire.py`."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Filled
from schemas.civil_service import NIP, HistoryKind
from schemas.identifiers import NIK
from schemas.privacy import personal


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CivilServantQuery(Request):
    """One civil servant."""

    nip: NIP


class CivilServantSearch(Request):
    """Whether a resident is a civil servant."""

    nik: NIK


class HistoryQuery(Request):
    """One side of a civil servant's career."""

    nip: NIP
    kind: HistoryKind = Field(description="Rank, position, education, training or discipline")


class DeathReport(Request):
    """A civil servant's death, as the civil registry registered it."""

    nip: NIP
    died_on: Annotated[date, personal("general")]
    deed_number: Annotated[Filled, personal("general")]
