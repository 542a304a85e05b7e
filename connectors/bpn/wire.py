"""BPN's own shapes: REST answers with `result` or `respon_code`, SOAP answers with `KodeRespon` and `Data`."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Row = Mapping[str, Any]


class Envelope(BaseModel):
    """What a REST answer is: an object or, for a day's deeds, an array; a refusal has `respon_code` alone."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    result: Any = None
    respon_code: str | int | None = None


class SoapAnswer(BaseModel):
    """What a SOAP answer is."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    code: str = Field(alias="KodeRespon")
    data: dict[str, Any] | None = Field(default=None, alias="Data")
