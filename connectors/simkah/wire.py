"""SIMKAH's shapes, all of our own design [G]: what they mean is in `mapping.py` and `verdicts.py`."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict

REGISTER: Final = "api/v1/pendaftaran"
VERIFY: Final = "api/v1/verifikasi"
CANCEL: Final = "api/v1/pembatalan"
CEREMONY: Final = "api/v1/akad"
BOOK: Final = "api/v1/buku-nikah"
REFERENCE: Final = "api/v1/rujukan"


class Envelope(BaseModel):
    """Around every answer, as DJP has it: `status` is a number or text, and refusals come with HTTP 200."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, coerce_numbers_to_str=True)

    status: str
    kode: str | None = None
    message: Any = None
    data: Any = None


class Write(BaseModel):
    """Common to all writes."""

    referensi: str


class Register(Write):
    """`pendaftaran`."""

    nik_suami: str
    nik_istri: str
    waktu_akad: str
    kua: str
    tempat_akad: str
    alamat_akad: str | None = None
    nama_wali: str | None = None
    berkas: list[str]
    no_dispensasi: str | None = None


class Verify(Write):
    """`verifikasi`."""

    no_pendaftaran: str


class Cancel(Write):
    """`pembatalan`."""

    no_pendaftaran: str
    alasan: str | None = None


class Akad(Write):
    """`akad`."""

    no_pendaftaran: str
    tanggal_akad: str
    saksi: list[str]
    mahar: str | None = None
    ntpn: str | None = None
