"""Between a local tax system's rows and our records, both ways. Pure functions; the quirks of contract section 3 end here."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final, Literal

from connectors.bapenda.requests import OwnerChange, TransferAssessment, TransferTaxBill
from connectors.bapenda.settings import BapendaSettings
from connectors.bapenda.wire import Row
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import amount, day, moment, needed, ours, padded, text
from schemas.civil import Address
from schemas.land import Property
from schemas.tax import PropertyTax, TransferTax

_SETTLED: Final[Mapping[str, Literal["settled", "arrears"]]] = {
    "100%lunas": "settled",
    "lunas": "settled",
    "belumlunas": "arrears",
}
_PAID: Final[Mapping[str, Literal["paid", "unpaid", "expired"]]] = {"Y": "paid", "T": "unpaid", "K": "expired"}
_FAMILY: Final = frozenset({"inheritance", "bequest"})

ACQUISITIONS: Final[Mapping[str, str]] = {
    "sale": "JUAL BELI",
    "exchange": "TUKAR MENUKAR",
    "grant": "HIBAH",
    "auction": "LELANG",
    "inheritance": "WARIS",
    "bequest": "HIBAH WASIAT",
}


def property_tax(row: Row, nop: str, year: int | None = None) -> PropertyTax:
    """How a property stands, as `getPBBService` tells it.

    Raises:
        BadData: It is about another property, or in unknown words.
    """
    words = text(row.get("STATUS_TUNGGAKAN"))
    status = None if words is None else _SETTLED.get("".join(words.split()).casefold())
    if words is not None and status is None:
        raise BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE, field="STATUS_TUNGGAKAN")
    return PropertyTax(status=status, year=year, **_listed(row, nop))


def owner(row: Row, nop: str, reference: str) -> Property:
    """A property under its new owner, as `balikNamaPBB` tells it.

    Raises:
        BadData: It is about another property or another request.
    """
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    return Property(
        changed_on=day(row.get("TANGGAL_BALIK_NAMA"), "TANGGAL_BALIK_NAMA"), reference=reference, **_listed(row, nop)
    )


def transfer_tax(row: Row, nop: str, ntpd: str) -> TransferTax:
    """A transfer tax, as `getBPHTBService` tells it.

    Raises:
        BadData: It is about another property or payment, or its status is an unknown letter.
    """
    ours(text(row.get("NTPD")), ntpd, "NTPD")
    return TransferTax(
        nop=_its_nop(row, nop),
        status=_status(row),
        amount=amount(row.get("PEMBAYARAN"), "PEMBAYARAN"),
        ntpd=ntpd,
        paid_on=day(row.get("TANGGAL_PEMBAYARAN"), "TANGGAL_PEMBAYARAN"),
        payment_kind=text(row.get("JENISBAYAR")),
        buyer_nik=text(row.get("NIK")),
        buyer_name=text(row.get("NAMA")),
        address=_address(row, "ALAMAT"),
        land_area=amount(row.get("LUASTANAH"), "LUASTANAH"),
        building_area=amount(row.get("LUASBANGUNAN"), "LUASBANGUNAN"),
    )


def bill(row: Row, nop: str, *, payment_code: str | None = None, reference: str | None = None) -> TransferTax:
    """A bill, new or asked for again, as our [G] calls tell it.

    Raises:
        BadData: It is about another property, bill or request, or paid without an NTPD.
    """
    code = needed(row.get("KODE_BAYAR"), "KODE_BAYAR")
    ours(code, payment_code, "KODE_BAYAR")
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    status = _status(row)
    return TransferTax(
        nop=_its_nop(row, nop),
        status=status,
        amount=amount(row.get("BPHTB"), "BPHTB"),
        value=amount(row.get("NPOP"), "NPOP"),
        threshold=amount(row.get("NPOPTKP"), "NPOPTKP"),
        payment_code=code,
        issued_at=moment(row.get("TANGGAL_TERBIT"), "TANGGAL_TERBIT"),
        expires_at=moment(row.get("TANGGAL_KADALUARSA"), "TANGGAL_KADALUARSA"),
        ntpd=needed(row.get("NTPD"), "NTPD") if status == "paid" else None,
        paid_on=day(row.get("TANGGAL_PEMBAYARAN"), "TANGGAL_PEMBAYARAN"),
        buyer_nik=text(row.get("NIK")),
        buyer_name=text(row.get("NAMA")),
        reference=text(row.get("REFERENSI")),
    )


def assessment(request: TransferAssessment, known: PropertyTax, settings: BapendaSettings) -> TransferTax:
    """The transfer tax: rate × (NPOP − NPOPTKP), in whole rupiah (UU 1/2022 art. 46-47).

    NPOP is the price, or the NJOP where the price is lower.

    Raises:
        BadData: The agency does not say what the property is valued at.
    """
    valued = _value(known.land_area, known.land_value, "NJOP_TANAH_OP")
    if known.building_area:
        valued += _value(known.building_area, known.building_value, "NJOP_BANGUNAN_OP")
    value = max(request.price, valued)
    threshold = threshold_of(request.acquisition, settings.transfer_tax_threshold, settings.inheritance_threshold)
    return TransferTax(
        nop=request.nop,
        status="assessed",
        amount=tax(value, threshold, settings.transfer_tax_rate),
        value=value,
        threshold=threshold,
        rate=settings.transfer_tax_rate,
        assessed_value=valued,
        address=known.address,
        land_area=known.land_area,
        building_area=known.building_area,
    )


def tax(value: Decimal, threshold: Decimal, rate: Decimal) -> Decimal:
    """The tax on a value, fractions of a rupiah dropped; nothing below the threshold."""
    return (max(Decimal(0), value - threshold) * rate).to_integral_value(ROUND_FLOOR)


def threshold_of(acquisition: str, general: Decimal, family: Decimal) -> Decimal:
    """Which of the two thresholds counts."""
    return family if acquisition in _FAMILY else general


def billed(request: TransferTaxBill, reference: str) -> dict[str, str]:
    """The fields of `buatTagihanBPHTB`."""
    return {
        "REFERENSI": reference,
        "NOP": request.nop,
        "NIK": request.buyer_nik,
        "NAMA": request.buyer_name,
        "NPOP": f"{request.value:.0f}",
        "BPHTB": f"{request.amount:.0f}",
        "JENIS_PEROLEHAN": ACQUISITIONS[request.acquisition],
    }


def renamed(request: OwnerChange, reference: str) -> dict[str, str]:
    """The fields of `balikNamaPBB`."""
    return {
        "REFERENSI": reference,
        "NOP": request.nop,
        "NIK": request.nik,
        "NAMA": request.name,
        "NTPD": request.ntpd,
    }


def written_transfer_tax(record: TransferTax) -> dict[str, str]:
    """The result of `getBPHTBService`, as BPN reads it."""
    return {
        "NOP": record.nop,
        "NIK": record.buyer_nik or "0",
        "NAMA": record.buyer_name or "-",
        **_written_place(record.address, "ALAMAT", ("KELURAHAN_OP", "KECAMATAN_OP", "KOTA_OP")),
        "LUASTANAH": _plain(record.land_area),
        "LUASBANGUNAN": _plain(record.building_area),
        "PEMBAYARAN": _plain(record.amount),
        "STATUS": "Y" if record.status == "paid" else "T",
        "TANGGAL_PEMBAYARAN": _written_day(record.paid_on),
        "NTPD": record.ntpd or "",
        "JENISBAYAR": record.payment_kind or "",
    }


def written_property_tax(record: PropertyTax) -> dict[str, str]:
    """The result of `getPBBService`, as BPN reads it. What is not known to be paid is never said to be."""
    return {
        "NOP": record.nop,
        "NIK": record.owner_nik or "0",
        "NAMA_WP": record.owner_name or "-",
        **_written_place(record.address, "ALAMAT_OP", ("KECAMATAN_OP", "KELURAHAN_OP", "KOTA_OP")),
        "LUASTANAH_OP": _plain(record.land_area),
        "LUASBANGUNAN_OP": _plain(record.building_area),
        "NJOP_TANAH_OP": _plain(record.land_value),
        "NJOP_BANGUNAN_OP": _plain(record.building_value),
        "STATUS_TUNGGAKAN": "100% Lunas" if record.status == "settled" else "Belum Lunas",
    }


def _listed(row: Row, nop: str) -> dict[str, Any]:
    return {
        "nop": _its_nop(row, nop),
        "owner_nik": text(row.get("NIK")),
        "owner_name": text(row.get("NAMA_WP")),
        "address": _address(row, "ALAMAT_OP"),
        "land_area": amount(row.get("LUASTANAH_OP"), "LUASTANAH_OP"),
        "building_area": amount(row.get("LUASBANGUNAN_OP"), "LUASBANGUNAN_OP"),
        "land_value": amount(row.get("NJOP_TANAH_OP"), "NJOP_TANAH_OP"),
        "building_value": amount(row.get("NJOP_BANGUNAN_OP"), "NJOP_BANGUNAN_OP"),
    }


def _its_nop(row: Row, nop: str) -> str:
    """The NOP that was asked for; the answer may write it with dots."""
    found = padded(needed(row.get("NOP"), "NOP").translate({ord("."): None, ord("-"): None}), 18)
    ours(found, nop, "NOP")
    return nop


def _status(row: Row) -> Literal["paid", "unpaid", "expired"]:
    found = _PAID.get(needed(row.get("STATUS"), "STATUS").upper())
    if found is None:
        raise BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE, field="STATUS")
    return found


def _address(row: Row, street: str) -> Address | None:
    found = Address(
        street=text(row.get(street)),
        village=text(row.get("KELURAHAN_OP")),
        district=text(row.get("KECAMATAN_OP")),
        regency=text(row.get("KOTA_OP")),
    )
    return None if found == Address() else found


def _value(area: Decimal | None, per_metre: Decimal | None, field: str) -> Decimal:
    if area is None or per_metre is None:
        raise BadData("MISSING", diagnosis=diagnoses.UNREADABLE, field=field)
    return (area * per_metre).quantize(Decimal("0.01"))


def _written_place(address: Address | None, street: str, order: tuple[str, ...]) -> dict[str, str]:
    place = address or Address()
    parts = {"KELURAHAN_OP": place.village, "KECAMATAN_OP": place.district, "KOTA_OP": place.regency}
    return {street: place.street or "-", **{name: parts[name] or "-" for name in order}}


def _written_day(value: date | None) -> str:
    return "" if value is None else f"{value:%d/%m/%Y}"


def _plain(value: Decimal | None) -> str:
    if value is None:
        return ""
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
