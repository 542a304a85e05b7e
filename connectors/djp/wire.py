"""DJP's own shapes: what goes into its calls and what comes out. What that means is `mapping.py`'s and `verdicts.py`'s."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

Row = Mapping[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


class Kswp(_Body):
    """`kswp`."""

    npwp: str
    kdizin: str


class Npwp(_Body):
    """`npwp`."""

    npwp: str


class Alamat(_Body):
    """`alamat` [G]."""

    npwp: str
    referensi: str
    alamat: str
    kelurahan: str | None = None
    kecamatan: str | None = None
    kabkot: str
    provinsi: str
    kodepos: str | None = None
    alasan: str | None = None


class Referensi(_Body):
    """`referensi` [G]: what became of a change of address, by our reference."""

    referensi: str


class Envelope(BaseModel):
    """What every answer is: a status, as a number or as text, and a message, which is text or an object."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    status: int | str
    message: Any = None

    @property
    def code(self) -> str:
        """The status as text."""
        return str(self.status).strip()

    @property
    def data(self) -> Row | None:
        """The message where it is an object."""
        return self.message if isinstance(self.message, dict) else None
