"""What Dukcapil's refusals mean and what to do next: they come with HTTP 200, as a code, a message, or both."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.dukcapil.wire import Row
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected
from schemas.text import Text

NOT_FOUND: Final = "13"
TOO_YOUNG: Final = "21"
MARRIED: Final = "22"
LETTER: Final = "23"
NEEDS_LETTER: Final = "24"

REASONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "11": Text(
            id="NIK ini tercatat milik orang yang sudah meninggal. Bila keliru, datang ke loket Dukcapil dengan KTP dan KK.",
            en="This NIK is recorded as that of someone deceased. If that is wrong, see the Dukcapil counter with KTP and KK.",
        ),
        "12": Text(
            id="NIK ini tercatat ganda. Minta Dukcapil menetapkan satu NIK yang berlaku, lalu ajukan kembali.",
            en="This NIK is recorded twice. Ask Dukcapil to settle which one is valid, then apply again.",
        ),
        NOT_FOUND: Text(
            id="Data tidak ditemukan di Dukcapil. Periksa kembali NIK atau nomor KK.",
            en="Dukcapil has no such record. Check the NIK or the family card number.",
        ),
        "14": Text(
            id="NIK ini tidak aktif. Lakukan pemutakhiran data di Dukcapil, lalu ajukan kembali.",
            en="This NIK is not active. Have your data updated at Dukcapil, then apply again.",
        ),
        "15": Text(
            id="NIK tidak sesuai format Dukcapil. Salin NIK dari KTP atau KK.",
            en="The NIK is not in Dukcapil's format. Copy it from the KTP or the family card.",
        ),
        TOO_YOUNG: Text(
            id="Belum memenuhi usia yang disyaratkan. Periksa tanggal lahir pada akta kelahiran.",
            en="The required age is not reached. Check the date of birth on the birth deed.",
        ),
        MARRIED: Text(
            id="Salah satu mempelai tercatat masih kawin. Perbarui status perkawinan di Dukcapil lebih dahulu.",
            en="One of the couple is recorded as married. Have the civil status updated at Dukcapil first.",
        ),
        LETTER: Text(
            id="Surat pindah (SKPWNI) ini sudah dipakai atau tidak berlaku lagi. Minta surat baru di daerah asal.",
            en="This moving letter (SKPWNI) is used or no longer valid. Ask for a new one where you come from.",
        ),
        NEEDS_LETTER: Text(
            id="Pindah ke kabupaten/kota lain memerlukan SKPWNI; pindah di dalamnya tidak.",
            en="A move to another regency needs a moving letter (SKPWNI); one within the regency does not.",
        ),
    }
)
"""The business refusals of the contract (section 1), by code, as the citizen is told them; 21 to 24 are ours [G]."""

LOGIN = Text(
    id="Dukcapil menolak user id atau kata sandi. Periksa pengaturan konektor.",
    en="Dukcapil refused the user id or password. Check the connector's settings.",
)
ADDRESS = Text(
    id="Alamat IP kita tidak terdaftar di Dukcapil. Periksa ip_user, atau daftarkan alamat server ini.",
    en="Our IP address is not registered with Dukcapil. Check ip_user, or have this server's address registered.",
)
QUOTA = Text(
    id="Kuota akses Dukcapil hari ini habis. Dilanjutkan besok, atau minta tambahan kuota.",
    en="Today's Dukcapil quota is used up. It goes on tomorrow, or ask for a larger quota.",
)
SUSPENDED = Text(
    id="User atau instansi kita dinonaktifkan oleh Dukcapil. Hubungi Dukcapil.",
    en="Dukcapil has deactivated our user or institution. Call Dukcapil.",
)

REPORTING = Text(
    id="Pelaporan pemakaian data belum diatur. Isi report_token, institution_id, dan institution_name.",
    en="Reporting the use of data is not set up. Set report_token, institution_id and institution_name.",
)
ALREADY_REPORTED: Final = "datasudahpernahdikirim"

Make = Callable[[str], AgencyError]


def _rejected(code: str) -> Make:
    return lambda _: Rejected(code, reason=REASONS[code])


def _misconfigured(code: str, diagnosis: Text) -> Make:
    return lambda _: Misconfigured(code, diagnosis=diagnosis)


def _our_form(code: str) -> AgencyError:
    return BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)


_QUOTA = _misconfigured("05", QUOTA)

CODES: Final[Mapping[str, Make]] = MappingProxyType({"05": _QUOTA, **{code: _rejected(code) for code in REASONS}})

MESSAGES: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "datatidakditemukan": _rejected(NOT_FOUND),
        "logingagal": _misconfigured("LOGIN", LOGIN),
        "ipaddresstidaksesuai": _misconfigured("IP", ADDRESS),
        "ipclienttidakterdaftar": _misconfigured("IP", ADDRESS),
        "kuotaakseshariinitelahhabis": _QUOTA,
        "useridtidakaktif": _misconfigured("SUSPENDED", SUSPENDED),
        "instansitidakaktif": _misconfigured("SUSPENDED", SUSPENDED),
        "parametertidaklengkap": lambda _: _our_form("PARAMETER"),
        "parametertidakvalid": lambda _: _our_form("PARAMETER"),
    }
)
"""Messages without case and spaces: both vary between offices."""


def folded(message: object) -> str:
    """A message without its case and spaces, both of which vary."""
    return "".join(str(message).split()).casefold()


def refusal(row: Row) -> AgencyError | None:
    """What a row refuses, or None where it is an answer.

    A row of data may carry a message as well (the state of the e-KTP): it counts only where there are no data.
    """
    fields = {name.upper(): value for name, value in row.items()}
    code = str(fields.get("RESPONSE_CODE") or "").strip().zfill(2)
    if code in CODES:
        return CODES[code](code)
    message = next((fields[name] for name in ("RESPON", "RESPONSE", "RESPONSE_DESC") if fields.get(name)), None)
    if message is None:
        return None
    make = MESSAGES.get(folded(message))
    if make is not None:
        return make(code)
    if fields.keys() <= {"RESPON", "RESPONSE", "RESPONSE_DESC", "RESPONSE_CODE", "QUOTALIMITER"}:
        # Not quoted: nobody knows what an unknown message holds.
        return BadData("UNKNOWN_REFUSAL", diagnosis=diagnoses.UNREADABLE, field="RESPON", doubtful=True)
    return None
