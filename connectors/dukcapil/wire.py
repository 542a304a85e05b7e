"""Dukcapil's own shapes: what goes into `get_json` calls and what comes out.

What it means is the business of `mapping.py` and `verdicts.py`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData

Row = Mapping[str, Any]
"""One entry of `content`: field names in capitals; which fields there are varies with the agreement."""


class Login(BaseModel):
    """Who calls; part of every body."""

    model_config = ConfigDict(hide_input_in_errors=True, populate_by_name=True)

    user_id: str
    password: str
    ip_user: str


class CallNik(Login):
    """`CALL_NIK`."""

    nik: str


class CallNikGetKk(Login):
    """`CALL_NIK_GET_KK`."""

    no_kk: str


class CallVerify(BaseModel):
    """`CALL_VERIFY_BY_ELEMEN`: capitals here, a threshold that is spelt this way, dates as DD-MM-YYYY."""

    model_config = ConfigDict(hide_input_in_errors=True)

    USER_ID: str
    PASSWORD: str
    IP_USER: str
    TRESHOLD: str
    NIK: str
    NAMA_LGKP: str | None = None
    TGL_LHR: str | None = None
    TMPT_LHR: str | None = None
    JENIS_KLMIN: str | None = None
    NAMA_LGKP_IBU: str | None = None
    ALAMAT: str | None = None


class RegisterBirth(Login):
    """`REGISTER_BIRTH` [G]."""

    referensi: str
    no_kk: str
    nama_lgkp: str
    jenis_klmin: str
    tgl_lhr: str
    tmpt_lhr: str
    nik_ayah: str | None = None
    nik_ibu: str | None = None
    berat_lahir: int | None = None
    anak_ke: int | None = None


class IssueFamilyCard(Login):
    """`ISSUE_FAMILY_CARD` [G]."""

    referensi: str
    no_kk: str
    alasan: str | None = None
    tujuan: dict[str, str] | None = None


class IssueChildCard(Login):
    """`ISSUE_CHILD_CARD` [G]."""

    referensi: str
    nik: str


class RegisterDeath(Login):
    """`REGISTER_DEATH` [G]."""

    referensi: str
    nik: str
    tgl_mati: str
    tmpt_mati: str
    no_surat_kematian: str | None = None
    nik_pelapor: str | None = None


class RegisterMarriage(Login):
    """`REGISTER_MARRIAGE` [G]."""

    referensi: str
    nik_suami: str
    nik_istri: str
    tgl_kwn: str
    tmpt_kwn: str | None = None
    no_buku_nikah: str | None = None


class MoveOut(Login):
    """`MOVE_OUT` [G]."""

    referensi: str
    no_kk: str
    tujuan: dict[str, str]
    alasan: str | None = None


class MoveIn(Login):
    """`MOVE_IN` [G]."""

    referensi: str
    no_skpwni: str
    tujuan: dict[str, str]


class IssueKtpEl(Login):
    """`ISSUE_KTP_EL` [G]."""

    referensi: str
    nik: str
    alasan: str | None = None


class CallPerubahan(Login):
    """`CALL_PERUBAHAN` [G]: changes of residents after a serial number."""

    serial: int
    size: int


class CallReferensi(Login):
    """`CALL_REFERENSI` [G]: what became of a write, by our reference."""

    referensi: str
    jenis: str


def use_report(institution: tuple[str, str], nik: str, customer: str) -> list[dict[str, Any]]:
    """The body of the data-return duty, for one resident.

    Args:
        institution: `id_lembaga` and `nama_lembaga`.
        nik: Whose data were used.
        customer: How the institution knows them.
    """
    number, name = institution
    data = [{"NIK": nik, "param": [{"CUSTOMER_ID": customer}]}]
    return [{"id_lembaga": number, "nama_lembaga": name, "data": data}]


class Envelope(BaseModel):
    """What every answer is wrapped in. `VERIFY` errors stand beside `content` instead of in it."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    content: list[dict[str, Any]] | None = None
    quota_limiter: int | None = Field(default=None, alias="quotaLimiter")
    last_page: bool | None = Field(default=None, alias="lastPage")

    @property
    def first(self) -> Row:
        """The first row, or what stands beside `content` when there is none."""
        return self.content[0] if self.content else (self.model_extra or {})


class Report(Envelope):
    """What the data-return duty answers, with HTTP 200 or 400."""

    message: str | None = None


def rows(envelope: Envelope) -> list[Row]:
    """All rows.

    Raises:
        BadData: There are none, although no refusal says why.
    """
    if not envelope.content:
        raise BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field="content")
    return list(envelope.content)


def one(envelope: Envelope) -> Row:
    """The only row.

    Raises:
        BadData: There is none, or several.
    """
    found = rows(envelope)
    if len(found) != 1:
        raise BadData("NOT_ONE", diagnosis=diagnoses.UNREADABLE, field="content", detail=f"{len(found)} rows")
    return found[0]
