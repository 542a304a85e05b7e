"""The local tax system's own shapes: account and capitals in the body, `result` and `respon_code` in the answer."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

Row = Mapping[str, Any]


class Envelope(BaseModel):
    """What every answer is. One server leaves `respon_code` out when all is well."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    result: Any = None
    respon_code: str | int | None = None


BPHTB_FIELDS = (
    "NOP",
    "NIK",
    "NAMA",
    "ALAMAT",
    "KELURAHAN_OP",
    "KECAMATAN_OP",
    "KOTA_OP",
    "LUASTANAH",
    "LUASBANGUNAN",
    "PEMBAYARAN",
    "STATUS",
    "TANGGAL_PEMBAYARAN",
    "NTPD",
    "JENISBAYAR",
)
"""Of the result of `getBPHTBService`, in the contract's order."""

PBB_FIELDS = (
    "NOP",
    "NIK",
    "NAMA_WP",
    "ALAMAT_OP",
    "KECAMATAN_OP",
    "KELURAHAN_OP",
    "KOTA_OP",
    "LUASTANAH_OP",
    "LUASBANGUNAN_OP",
    "NJOP_TANAH_OP",
    "NJOP_BANGUNAN_OP",
    "STATUS_TUNGGAKAN",
)
"""Of the result of `getPBBService`, in the contract's order."""
